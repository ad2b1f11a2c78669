"""Networks as plain `torch.nn.Module`s. They know nothing of training."""
