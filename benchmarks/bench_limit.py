"""Floating-point operations per second of Pix2Pix's step against those of a large matrix product.

The operations are those of convolutions and matrix products, counted by torch's FlopCounterMode over one step of the
same model in fp32, uncompiled: two for a multiplication with its addition, forwards and backwards. What the optimiser,
norms and activations do is not counted: it is not what the hardware is limited by, and a product does none of it.
"""

import torch
from setting import Setting, noise, pix2pix
from timing import Row, by_turns, here, rates
from torch.utils.flop_counter import FlopCounterMode

from ganflow.training import compute


def measure(setting: Setting) -> list[Row]:
    side = setting.pick(8192 if setting.machine.device.type == "cuda" else 4096, 64)
    kind = torch.bfloat16 if setting.machine.bf16 else torch.float32
    a, b = torch.randn(2, side, side, device=setting.device).to(kind)
    against = f"{'bf16' if setting.machine.bf16 else 'fp32'} product, {side} x {side}"
    rows = []
    for batch_size in (1, 4):
        own, size = setting.paper(batch_size)
        batch = noise(batch_size, size, setting.device)
        operations = count(setting, batch_size)
        model = pix2pix(own, size, setting.machine)
        step = here(lambda m=model, b=batch: m.step(b, 1000))
        ours, product = by_turns([step, here(lambda: a @ b)], setting.rounds(7), [setting.pick(2, 1), 1])
        name = f"limit: paper's networks, batch {batch_size} ({operations / batch_size / 1e9:.1f} GFLOP an image)"
        rows.append(Row(name, "GFLOP/s", rates(operations / 1e9, ours), rates(2e-9 * side**3, product), against))
    return rows


def count(setting: Setting, batch_size: int) -> int:
    """Operations of one step at the paper's networks."""
    own, size = setting.paper(batch_size)
    model = pix2pix(own, size, setting.plain())
    with FlopCounterMode(display=False) as counter:
        model.step(noise(batch_size, size, setting.device), 1000)
    compute.prepare(setting.params.compute)  # back to what the bench runs with
    return counter.get_total_flops()
