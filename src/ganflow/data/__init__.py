"""Data: fetching, verifying, preparing, generating and batching. Knows nothing of models."""
