"""Fixed facts of each task: title, network, data, paper, and the baselines in its tables."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """Facts of a task that do not depend on the run."""

    title: str
    hub_task: str  # as hubs call it
    network: str
    data: str  # mnist or maps
    description: str
    paper: str
    baselines: dict[str, str]  # titles by row of metrics/tables/<task>.json


_DIGIT_ROWS = {"floor": "other real digits", "copies": "nearest training digits", "ceiling": "Gaussian on pixels"}
_MAP_ROWS = {
    "nearest": "nearest training pair",
    "constant": "one constant colour",
    "input": "the input itself",
    "colour": "class most frequent at the pixel's colour",
}
TASKS = {
    "gan": Task(
        "GAN for handwritten digits",
        "unconditional-image-generation",
        "DigitGenerator",
        "mnist",
        "It turns noise into a grey 28×28 picture of a handwritten digit; the noise decides which digit.",
        "Radford, Metz and Chintala 2016, arXiv:1511.06434 (DCGAN)",
        _DIGIT_ROWS,
    ),
    "cgan": Task(
        "class-conditional GAN for handwritten digits",
        "unconditional-image-generation",
        "DigitGenerator",
        "mnist",
        "It turns noise and a digit from 0 to 9 into a grey 28×28 picture of that digit.",
        "Mirza and Osindero 2014, arXiv:1411.1784; Miyato and Koyama 2018, arXiv:1802.05637",
        _DIGIT_ROWS,
    ),
    "pix2pix": Task(
        "Pix2Pix between aerial photos and maps",
        "image-to-image",
        "UNet",
        "maps",
        "It turns one picture into one other: ",
        "Isola, Zhu, Zhou and Efros 2017, arXiv:1611.07004",
        _MAP_ROWS,
    ),
    "cvae": Task(
        "conditional VAE between aerial photos and maps",
        "image-to-image",
        "ConditionalVae",
        "maps",
        "It turns one picture into any number of different others: ",
        "Zhu et al. 2017, arXiv:1711.11586; Sohn, Lee and Yan 2015 (the learned prior)",
        _MAP_ROWS,
    ),
    "cyclegan": Task(
        "CycleGAN between aerial photos and maps",
        "image-to-image",
        "CycleGenerators",
        "maps",
        "It turns one picture into another, and back, and was shown no pairs: ",
        "Zhu, Park, Isola and Efros 2017, arXiv:1703.10593",
        _MAP_ROWS,
    ),
}
