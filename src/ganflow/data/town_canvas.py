"""What towns are painted on and with: labels of surfaces, layers of labels, and outlines in the unit square."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Points = np.ndarray  # float [n, 2]: x, y in the unit square (or beyond it)
Colour = tuple[int, int, int]

# The map's colours: the modes of the colour histogram of the real training maps (every third one, 4 levels a bin).
# A path is the darkest of what is common in a real park; the motorway's edge is by eye.
LAND, BUILDING, PARK, WATER = (234, 230, 222), (242, 242, 234), (202, 222, 174), (178, 210, 254)
ROAD, MOTORWAY, MOTORWAY_EDGE, AVENUE = (254, 254, 254), (250, 158, 38), (232, 142, 40), (254, 226, 102)
PATH, KERB = (195, 201, 171), (222, 218, 214)

# What covers the ground: its colour in the photo (by eye from the real photos, which are dark) and in the map.
SURFACES: dict[str, tuple[Colour, Colour]] = {
    "street": ((67, 67, 67), ROAD),
    "pavement": ((80, 79, 76), KERB),
    "garden": ((50, 53, 41), LAND),
    "paved": ((61, 60, 57), LAND),
    "park": ((51, 58, 39), PARK),
    "path": ((96, 91, 80), PATH),
    "shore": ((74, 72, 62), LAND),
    "water": ((27, 38, 36), WATER),
    "motorway": ((86, 85, 83), MOTORWAY),
    "motorway edge": ((56, 58, 50), MOTORWAY_EDGE),
    "avenue": ((80, 79, 76), AVENUE),
    "shadow": ((20, 21, 22), LAND),  # falls on the photo alone
}
CARS: list[Colour] = [(150, 150, 152), (34, 34, 37), (92, 42, 38), (52, 58, 80), (190, 190, 188), (104, 104, 106)]
PARKED_ON = ["street", "paved", "motorway", "avenue"]  # a car is the ground below it in the map
LABEL = {name: label for label, name in enumerate(SURFACES)}
CAR = {name: len(SURFACES) + n * len(CARS) for n, name in enumerate(PARKED_ON)}  # the first of its labels
TREE, TREES = len(SURFACES) + len(PARKED_ON) * len(CARS), 7
ROOF, ROOFS = TREE + TREES, 256 - TREE - TREES
SUPERSAMPLING = 2


class Layer:
    """An image of labels, SUPERSAMPLING times larger than the result; coordinates are in the unit square."""

    def __init__(self, size: int) -> None:
        self.side = SUPERSAMPLING * size
        self.image = Image.new("L", (self.side, self.side))
        self._draw = ImageDraw.Draw(self.image)

    def area(self, outline: Points, label: int) -> None:
        self._draw.polygon((outline * self.side).ravel().tolist(), label)

    def areas(self, outlines: np.ndarray, labels: np.ndarray) -> None:
        """Draw outlines [n, corners, 2] with labels [n]; those outside the picture are skipped."""
        seen = seen_in_picture(outlines)
        scaled = (outlines[seen] * self.side).reshape(-1, 2 * outlines.shape[1])
        for outline, label in zip(scaled.tolist(), labels[seen].tolist(), strict=True):
            self._draw.polygon(outline, label)

    def discs(self, centres: Points, radii: np.ndarray, labels: np.ndarray) -> None:
        seen = ((centres > 0) & (centres < 1)).all(1)
        centres, radii = centres[seen] * self.side, radii[seen, None] * self.side
        boxes = np.hstack([centres - radii, centres + radii]).tolist()
        for box, label in zip(boxes, labels[seen].tolist(), strict=True):
            self._draw.ellipse(box, label)

    def mask(self) -> Image.Image:
        """255 wherever something has been drawn."""
        return self.image.point([0] + [255] * 255)


@dataclass(frozen=True)
class Scene:
    """One town while it is drawn. What is drawn on `houses` and `trees` hides the ground, and casts a shadow."""

    rng: np.random.Generator
    suburb: float  # 0: a city, 1: a suburb
    ground: Layer
    houses: Layer
    trees: Layer

    def clear(self, outline: Points) -> None:
        """Remove the houses and trees inside `outline`."""
        for layer in (self.houses, self.trees):
            layer.area(outline, 0)

    def plant(self, places: Points) -> None:
        count = len(places)
        self.trees.discs(places, self.rng.uniform(0.005, 0.013, count), self.rng.integers(TREE, TREE + TREES, count))

    def park_cars(self, outlines: np.ndarray, on: str) -> None:
        self.ground.areas(outlines, self.rng.integers(CAR[on], CAR[on] + len(CARS), len(outlines)))


def seen_in_picture(outlines: np.ndarray) -> np.ndarray:
    """Whether any of each outline [n, corners, 2] can lie in the picture."""
    return ((outlines.max(1) > 0) & (outlines.min(1) < 1)).all(1)


def crossing(rng: np.random.Generator, bulge: float) -> Points:
    """An arc from beyond one side of the picture to beyond the opposite side."""
    ends = np.array([[rng.uniform(0.1, 0.9), -0.15], [rng.uniform(0.1, 0.9), 1.15]])
    if rng.random() < 0.5:
        ends = ends[:, ::-1]
    return curve(ends[0], ends[1], rng.uniform(-bulge, bulge))


def curve(a: Points, b: Points, bulge: float) -> Points:
    """A quadratic arc from a to b, `bulge` chords to the side."""
    t = np.linspace(0, 1, 25)[:, None]
    middle = (a + b) / 2 + bulge * np.array([b[1] - a[1], a[0] - b[0]])
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * middle + t**2 * b


def ribbon(middle: Points, width: float) -> Points:
    """The outline of a band around a line: one side, then the other side backwards."""
    direction = np.gradient(middle, axis=0)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / np.linalg.norm(direction, axis=1, keepdims=True)
    return np.concatenate([middle + normal * width / 2, (middle - normal * width / 2)[::-1]])


def blob(rng: np.random.Generator, centre: Points, radius: float, corners: int = 48) -> Points:
    """A closed outline around `centre`, wavy, or of few corners."""
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    waves = np.sum([rng.normal(0, 0.22 / k) * np.cos(k * turn + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5)], axis=0)
    return centre + radius * (1 + waves)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def inside(outline: Points, points: Points) -> np.ndarray:
    """Whether each of `points` [n, 2] lies inside `outline`: its ray crosses the outline an odd number of times."""
    x, y = points[:, :1], points[:, 1:]
    (x0, y0), (x1, y1) = outline.T, np.roll(outline, -1, axis=0).T
    at = (x1 - x0) * (y - y0) / (y1 - y0 + 1e-12) + x0
    return (((y0 > y) != (y1 > y)) & (x < at)).sum(1) % 2 == 1
