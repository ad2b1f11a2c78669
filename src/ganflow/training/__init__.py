"""Training: the one loop, and for each model its networks, optimisers and one `step`."""
