"""Pix2Pix's training step against a textbook step on the same networks."""

import textbook
from setting import Setting, levels, noise, pix2pix
from timing import Row, by_turns, here, rates


def measure(setting: Setting) -> list[Row]:
    rows = []
    for name, (own, size) in setting.translators().items():
        model, batch = pix2pix(own, size, setting.machine), noise(own.batch_size, size, setting.device)
        with setting.textbook(textbook.pix2pix, own, levels(size), size, setting.device) as theirs:
            calls = setting.pick(2, 1) if "paper" in name else setting.pick(10, 1)
            ours = here(lambda m=model, b=batch: m.step(b, 1000))
            seconds = by_turns([ours, theirs], setting.rounds(7), [calls, calls])
        row, other = (rates(own.batch_size, each) for each in seconds)
        rows.append(Row(f"step: {name}", "images/s", row, other, "textbook step"))
    return rows
