"""The evaluate stages: measure trained models and their baselines on the test data, and record the results."""
