"""Randomness without state: every draw begins from a seed made of what it is for."""

import hashlib

import torch


def step_seed(*parts: object) -> int:
    """A 63-bit seed from e.g. (seed, model, step): no generator state needs to be carried from step to step."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def latents(count: int, dim: int, *seed: object) -> torch.Tensor:
    """N(0, 1) latents [count, dim] from the `step_seed` of these parts: the same on every device and at every call."""
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(step_seed(*seed)))
