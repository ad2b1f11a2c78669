"""Evaluate stages: what a trained model's outs are measured on, beside what, and where the numbers go."""
