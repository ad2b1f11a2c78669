"""A trained model at work: digits drawn, images translated, what the classifier sees. Needs nothing of training."""
