"""Compares results: differences with their noise. Knows nothing of where results are kept."""
