"""The digit GAN's step against a textbook loop, on one batch and with what feeds it."""

import textbook
import torch
from setting import Setting
from timing import Row, by_turns, here, rates

from ganflow.data import generated_digits
from ganflow.data.batches import DigitBatches
from ganflow.training.gan import GanModel


def measure(setting: Setting) -> list[Row]:
    own, device = setting.params.gan, setting.machine.device
    images, labels, *_ = generated_digits.digits(setting.pick(4000, 600), 100, 0)
    data = DigitBatches(torch.tensor(images).to(device), torch.tensor(labels).to(device), device)
    model = GanModel(own, 0, setting.machine)
    batch = data.batch(torch.arange(own.batch_size))

    def fed() -> None:
        model.step(data.batch(torch.randint(len(data), (own.batch_size,))), 1000)

    calls = [setting.pick(20, 1)] * 2
    rows = []
    cases = {
        "step": (lambda: model.step(batch, 1000), None, "textbook step"),
        "step and data": (fed, images, "textbook step, DataLoader with 2 workers"),
    }
    for name, (ours, digits, against) in cases.items():
        with setting.textbook(textbook.gan, own, setting.device, digits) as theirs:
            seconds = by_turns([here(ours), theirs], setting.rounds(9), calls)
        row, other = (rates(own.batch_size, each) for each in seconds)
        rows.append(Row(f"digits: {name}, batch {own.batch_size}", "images/s", row, other, against))
    return rows
