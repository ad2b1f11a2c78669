"""Measures of generated images. They know nothing of the models that made them."""
