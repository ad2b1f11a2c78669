"""Randomness without state: every random draw has its own seed, computed from its purpose."""

import hashlib

import torch


def step_seed(*parts: object) -> int:
    """A 63-bit seed from e.g. (seed, model, step), so that checkpoints need no state of a random generator."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def latents(count: int, dim: int, *seed: object) -> torch.Tensor:
    """N(0, 1) latents [count, dim] from the `step_seed` of these parts: the same on every device and at every call."""
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(step_seed(*seed)))
