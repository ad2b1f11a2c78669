"""Results against one another: differences told from noise. Knows nothing of where results are kept."""
