"""How a stage runs under DVC."""
