"""Using trained models: generate digits, translate images, classify digits. Imports nothing from training."""
