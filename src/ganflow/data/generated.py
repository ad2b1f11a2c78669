"""The built-in data: real handwritten digits at MNIST's size, and procedural towns drawn as a photo and as a map.

A town is a list of shapes in a unit square (streets, blocks, houses, trees, water), laid out once and then painted
twice, so that what the map shows is what can be seen in the photo.
"""

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw

Points = np.ndarray  # float [n, 2]: x, y in the unit square (or beyond it)
Scalars = float | np.ndarray
Colour = tuple[int, int, int]

# The map's colours: the modes of the colour histogram of the real training maps (every third one, 4 levels a bin).
LAND, BUILDING, PARK, WATER = (234, 230, 222), (242, 242, 234), (202, 222, 174), (178, 210, 254)
ROAD, MOTORWAY, MOTORWAY_EDGE = (254, 254, 254), (250, 158, 37), (232, 142, 40)

PATH: Colour = (214, 214, 186)

# The photo's colours, by eye from the real photos, which are dark.
ASPHALT: Colour = (68, 68, 70)
SHADOW: Colour = (26, 26, 26)
GROUNDS: dict[str, Colour] = {"garden": (58, 62, 46), "paved": (74, 72, 69), "park": (53, 60, 38)}
TREES: list[Colour] = [(32 + shade, 46 + shade, 26 + shade // 2) for shade in (0, 12, 5, 18, 8, 15, 3)]
CARS: list[Colour] = [(170, 170, 172), (40, 40, 44), (110, 40, 36), (60, 70, 100), (130, 130, 130)]
ROOFS: list[Colour] = [(88, 84, 80), (70, 66, 64), (104, 92, 82), (96, 70, 60), (138, 136, 132), (178, 178, 176)]
SUPERSAMPLING = 2


def towns(count: int, size: int, seed: int, first: int = 0) -> np.ndarray:
    """Towns `first` to `first + count`: uint8 [count, 2, size, size, 3] RGB, aerial photo, then map.

    A town depends on (seed, its number) alone, and is the same scene at every size.
    """
    return np.stack([town(size, seed, first + n) for n in range(count)])


def town(size: int, seed: int, number: int) -> np.ndarray:
    """One town: uint8 [2, size, size, 3]."""
    plan = _plan(np.random.default_rng([seed, number]))
    return np.stack([_paint_photo(plan, size), _paint_map(plan, size)])


def digits(train_images: int, test_images: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """scikit-learn's 1797 handwritten digits as MNIST has them: train images and labels, test images and labels.

    Images are uint8 [N, 28, 28], white on black, the digit about 20 px high; labels uint8 [N]. A sixth is held out for
    testing, every class alike; at most `train_images` and `test_images` are returned.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    small, labels = (np.asarray(part) for part in load_digits(return_X_y=True))
    images = np.stack([_enlarge(digit) for digit in small.reshape(-1, 8, 8)])
    train, test = train_test_split(np.arange(len(labels)), test_size=1 / 6, random_state=seed, stratify=labels)
    train, test = np.array(train)[:train_images], np.array(test)[:test_images]
    labels = np.asarray(labels, np.uint8)
    return images[train], labels[train], images[test], labels[test]


def _enlarge(digit: np.ndarray) -> np.ndarray:
    """0..16 [8, 8] to uint8 [28, 28], with MNIST's steep strokes instead of a blur."""
    pixels = np.asarray(Image.fromarray((digit * 15.9375).astype(np.uint8)).resize((20, 20), Image.Resampling.BICUBIC))
    steep = ((pixels.astype(np.float32) - 70) * 2.2).clip(0, 255).astype(np.uint8)
    return np.pad(steep, 4)


# Laying out


@dataclass
class _Town:
    """What is where, in the picture's coordinates. Lines are (points, width), areas are outlines."""

    rng: np.random.Generator
    blocks: list[tuple[Points, str]] = field(default_factory=list)  # outline, ground
    streets: list[tuple[Points, float]] = field(default_factory=list)
    parks: list[Points] = field(default_factory=list)
    paths: list[tuple[Points, float]] = field(default_factory=list)
    water: list[Points] = field(default_factory=list)
    motorways: list[tuple[Points, float]] = field(default_factory=list)
    houses: np.ndarray = field(default_factory=lambda: np.empty((0, 4, 2)))  # outlines
    roofs: np.ndarray = field(default_factory=lambda: np.empty((0, 3), int))  # RGB
    heights: np.ndarray = field(default_factory=lambda: np.empty(0))
    cars: np.ndarray = field(default_factory=lambda: np.empty((0, 4, 2)))
    trees: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))  # x, y, radius


def _plan(rng: np.random.Generator) -> _Town:
    """Lay out one town."""
    town = _Town(rng)
    angle, bend = rng.uniform(0, math.pi), rng.uniform(-0.25, 0.25) * (rng.random() < 0.4)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])

    def place(points: Points) -> Points:
        """From the street grid's own axes, [..., 2], to the picture's."""
        bent = points.copy()
        bent[..., 0] += bend * points[..., 1] ** 2
        return bent @ turn.T + 0.5

    density = rng.random()  # 0: suburb, 1: city
    across, along = _grid(rng, rng.uniform(0.10, 0.15)), _grid(rng, rng.uniform(0.2, 0.42))
    run = np.linspace(-1.1, 1.1, 15)
    for lines, horizontal in ((across, True), (along, False)):
        wide = rng.integers(len(lines)) if rng.random() < 0.6 else -1
        for n, at in enumerate(lines):
            level = np.full_like(run, at)
            points = np.stack([run, level] if horizontal else [level, run], axis=1)
            town.streets.append((place(points), 0.034 if n == wide else 0.019))

    lots = _Lots(rng, density)
    left, top = (edge.ravel() + 0.010 for edge in np.meshgrid(along[:-1], across[:-1]))
    right, bottom = (edge.ravel() - 0.010 for edge in np.meshgrid(along[1:], across[1:]))
    outlines = place(_rectangles(left, top, right, bottom))
    seen = ~((outlines < -0.05).all(1) | (outlines > 1.05).all(1)).any(1)  # the others are out of the picture
    for outline, *box in zip(outlines[seen], left[seen], top[seen], right[seen], bottom[seen], strict=True):
        town.blocks.append((outline, lots.fill((box[0], box[1], box[2], box[3]))))
    town.houses, town.cars = place(_rectangles(*_joined(lots.houses, 4))), place(_rectangles(*_joined(lots.cars, 4)))
    town.heights = rng.uniform(0.005, 0.007 + 0.012 * density, len(town.houses))
    tints = rng.integers(-12, 13, (len(town.houses), 1))
    town.roofs = np.array(ROOFS)[rng.integers(len(ROOFS), size=len(town.houses))] + tints
    x, y, radius = _joined(lots.trees, 3)
    town.trees = np.column_stack([place(np.stack([x, y], axis=1)), radius])

    if rng.random() < 0.3:
        _park(town)
    if rng.random() < 0.35:
        _water(town)
    if rng.random() < 0.3:
        town.motorways.append((_crossing(rng, 0.25), 0.045))
    return town


def _grid(rng: np.random.Generator, spacing: float) -> np.ndarray:
    """Positions of parallel streets, unevenly spaced, from -0.75 or before to 0.75 or beyond."""
    steps = spacing * rng.uniform(0.75, 1.3, size=int(2.4 / spacing))
    return np.cumsum(steps) - steps[0] - 0.75 - rng.uniform(0, spacing)


class _Lots:
    """Fills blocks of the street grid with houses, cars and trees, as arrays in the grid's own axes."""

    def __init__(self, rng: np.random.Generator, density: float) -> None:
        self._rng, self._density = rng, density
        self.houses: list[np.ndarray] = []  # each [4, n]: left, top, right, bottom
        self.cars: list[np.ndarray] = []
        self.trees: list[np.ndarray] = []  # each [3, n]: x, y, radius

    def fill(self, box: tuple[float, float, float, float]) -> str:
        """Fill one block; returns its ground: park, paved or garden."""
        chance = self._rng.random()
        if chance < 0.06:
            left, top, right, bottom = box
            self._plant(box, int(900 * (right - left) * (bottom - top)) + 4)
            return "park"
        if chance < 0.16:
            self._hall(box)
            return "paved"
        self._homes(box)
        return "paved" if self._density > 0.6 else "garden"

    def _plant(self, box: tuple[float, float, float, float], count: int) -> None:
        x, y = self._rng.uniform(box[:2], box[2:], size=(count, 2)).T
        self.trees.append(np.stack([x, y, self._rng.uniform(0.005, 0.012, count)]))

    def _hall(self, box: tuple[float, float, float, float]) -> None:
        """A large flat building and its car park."""
        left, top, right, bottom = box
        middle = left + (right - left) * self._rng.uniform(0.35, 0.7)
        self.houses.append(np.array([[left + 0.01], [top + 0.01], [middle], [bottom - 0.01]]))
        x, y = np.meshgrid(np.arange(middle + 0.012, right - 0.01, 0.009), np.arange(top + 0.012, bottom - 0.012, 0.02))
        taken = self._rng.random(x.shape) < 0.6
        self._park_cars(x[taken], y[taken], 0.005, 0.011)

    def _homes(self, box: tuple[float, float, float, float]) -> None:
        """Houses in two rows, back to back, with gardens between in a suburb and hardly any gap in a city."""
        rng, suburb = self._rng, self._density < 0.6
        left, top, right, bottom = box
        lot = rng.uniform(0.024, 0.034) if suburb else rng.uniform(0.03, 0.06)
        depth = (bottom - top) * (rng.uniform(0.26, 0.34) if suburb else rng.uniform(0.36, 0.44))
        x = np.arange(left + 0.004, right - lot, lot)
        for front in (top + 0.006, bottom - 0.006 - depth):
            built = x[rng.random(len(x)) > 0.08]
            gap = rng.uniform(0.06, 0.15, len(built)) * lot if suburb else np.full(len(built), 0.02 * lot)
            y = front + rng.uniform(0, 0.005, len(built))
            deep = rng.uniform(0.8, 1.0, len(built)) * depth
            self.houses.append(np.stack([built + gap, y, built + lot - gap, y + deep]))
        self._plant((left, top + depth, right, bottom - depth), int(len(x) * (0.9 - 0.6 * self._density)))
        kerb = x[rng.random(len(x)) < 0.35]
        self.trees.append(np.stack([kerb, rng.choice([top, bottom], len(kerb)), rng.uniform(0.005, 0.011, len(kerb))]))
        parked = x[rng.random(len(x)) < 0.5]
        self._park_cars(parked, rng.choice([top - 0.005, bottom + 0.005], len(parked)), 0.011, 0.005)

    def _park_cars(self, x: np.ndarray, y: np.ndarray, width: float, height: float) -> None:
        self.cars.append(np.stack([x, y - height / 2, x + width, y + height / 2]))


def _park(town: _Town) -> None:
    """A large park across the grid: it covers the streets below it, and has its own paths."""
    rng = town.rng
    outline = _blob(rng, rng.uniform(0.15, 0.85, 2), rng.uniform(0.2, 0.42))
    town.parks.append(outline)
    low, high = outline.min(0), outline.max(0)
    trees = rng.uniform(low, high, size=(int(1100 * np.prod(high - low)), 2))
    trees = trees[_inside(outline, trees)]
    town.trees = np.vstack([town.trees, np.column_stack([trees, rng.uniform(0.006, 0.014, len(trees))])])
    for _ in range(rng.integers(2, 5)):
        a, b = outline[rng.choice(len(outline), 2, replace=False)]
        town.paths.append((_curve(a, b, rng.uniform(-0.3, 0.3)), 0.006))


def _water(town: _Town) -> None:
    """A river, a lake, or the sea on one side."""
    rng = town.rng
    match rng.integers(3):
        case 0:
            town.water.append(_ribbon(_crossing(rng, 0.35), rng.uniform(0.08, 0.2)))
        case 1:
            town.water.append(_blob(rng, rng.uniform(0.2, 0.8, 2), rng.uniform(0.1, 0.25)))
        case _:
            side = rng.uniform(0, 2 * math.pi)
            away = np.array([math.cos(side), math.sin(side)])
            town.water.append(_blob(rng, 0.5 + away * rng.uniform(0.75, 1.1), 0.8))


# Geometry


def _rectangles(left: Scalars, top: Scalars, right: Scalars, bottom: Scalars) -> Points:
    """Outlines [..., 4, 2]."""
    corners = [np.stack(corner, -1) for corner in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return np.stack(corners, -2)


def _joined(parts: list[np.ndarray], rows: int) -> np.ndarray:
    return np.concatenate([np.empty((rows, 0)), *parts], axis=1)


def _crossing(rng: np.random.Generator, bulge: float) -> Points:
    """An arc from beyond one side of the picture to beyond the opposite side."""
    ends = np.array([[rng.uniform(0.1, 0.9), -0.1], [rng.uniform(0.1, 0.9), 1.1]])
    if rng.random() < 0.5:
        ends = ends[:, ::-1]
    return _curve(ends[0], ends[1], rng.uniform(-bulge, bulge))


def _curve(a: Points, b: Points, bulge: float) -> Points:
    """A quadratic arc from a to b, `bulge` chords to the side."""
    t = np.linspace(0, 1, 25)[:, None]
    middle = (a + b) / 2 + bulge * np.array([b[1] - a[1], a[0] - b[0]])
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * middle + t**2 * b


def _ribbon(middle: Points, width: float) -> Points:
    """The outline of a band around a line."""
    direction = np.gradient(middle, axis=0)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / np.linalg.norm(direction, axis=1, keepdims=True)
    return np.concatenate([middle + normal * width / 2, (middle - normal * width / 2)[::-1]])


def _blob(rng: np.random.Generator, centre: Points, radius: float) -> Points:
    """A closed wavy outline around `centre`."""
    turn = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    waves = np.sum([rng.normal(0, 0.22 / k) * np.cos(k * turn + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5)], axis=0)
    return centre + radius * (1 + waves)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _inside(outline: Points, points: Points) -> np.ndarray:
    """Whether each of `points` [n, 2] lies inside `outline`: its ray crosses the outline an odd number of times."""
    x, y = points[:, :1], points[:, 1:]
    (x0, y0), (x1, y1) = outline.T, np.roll(outline, -1, axis=0).T
    at = (x1 - x0) * (y - y0) / (y1 - y0 + 1e-12) + x0
    return (((y0 > y) != (y1 > y)) & (x < at)).sum(1) % 2 == 1


# Painting


class _Canvas:
    """A picture drawn in unit coordinates, larger than wanted and then reduced, so that edges are smooth."""

    def __init__(self, size: int, ground: Colour) -> None:
        self.side = SUPERSAMPLING * size
        self.image = Image.new("RGB", (self.side, self.side), ground)
        self._draw = ImageDraw.Draw(self.image)

    def area(self, outline: Points, colour: Colour) -> None:
        self._draw.polygon((outline * self.side).ravel().tolist(), fill=colour)

    def areas(self, outlines: np.ndarray, colours: list[Colour]) -> None:
        """Many outlines [n, corners, 2] at once; `colours` is repeated as needed."""
        scaled = (outlines * self.side).reshape(len(outlines), -1).tolist()
        for outline, colour in zip(scaled, itertools.cycle(colours)):
            self._draw.polygon(outline, fill=colour)

    def line(self, points: Points, width: float, colour: Colour) -> None:
        self._draw.line((points * self.side).ravel().tolist(), colour, max(1, round(width * self.side)), joint="curve")

    def discs(self, discs: np.ndarray, colours: list[Colour]) -> None:
        """Discs [n, 3]: x, y, radius; `colours` is repeated as needed."""
        x, y, radius = discs.T * self.side
        boxes = np.stack([x - radius, y - radius, x + radius, y + radius], axis=1).tolist()
        for box, colour in zip(boxes, itertools.cycle(colours)):
            self._draw.ellipse(box, fill=colour)

    def reduced(self) -> Image.Image:
        return self.image.reduce(SUPERSAMPLING)


def _paint_map(town: _Town, size: int) -> np.ndarray:
    canvas = _Canvas(size, LAND)
    for outline, ground in town.blocks:
        if ground == "park":
            canvas.area(outline, PARK)
    canvas.areas(town.houses, [BUILDING])
    for points, width in town.streets:
        canvas.line(points, width, ROAD)
    for outline in town.parks:
        canvas.area(outline, PARK)
    for points, width in town.paths:
        canvas.line(points, width, PATH)
    for outline in town.water:
        canvas.area(outline, WATER)
    for points, width in town.motorways:
        canvas.line(points, width, MOTORWAY_EDGE)
        canvas.line(points, width * 0.82, MOTORWAY)
    return np.asarray(canvas.reduced())


def _paint_photo(town: _Town, size: int) -> np.ndarray:
    rng = town.rng
    sun = rng.uniform(0, 2 * math.pi)
    shadow = np.array([math.cos(sun), math.sin(sun)])
    canvas = _Canvas(size, ASPHALT)
    for outline, ground in town.blocks:
        canvas.area(outline, GROUNDS[ground])
    for points, width in town.streets:
        canvas.line(points, width, ASPHALT)
    canvas.areas(town.cars, CARS)
    canvas.areas(town.houses + shadow * town.heights[:, None, None], [SHADOW])
    canvas.areas(town.houses, [(r, g, b) for r, g, b in town.roofs.tolist()])
    for outline in town.parks:
        canvas.area(outline, GROUNDS["park"])
    canvas.discs(town.trees + np.append(shadow, 0) * town.trees[:, 2:], [SHADOW])
    canvas.discs(town.trees, TREES)
    for points, width in town.paths:
        canvas.line(points, width, (104, 98, 84))
    for outline in town.water:
        canvas.area(outline, (30, 46, 48))
        canvas.line(np.vstack([outline, outline[:1]]), 0.004, (78, 76, 66))
    for points, width in town.motorways:
        canvas.line(points, width, (92, 91, 88))
        canvas.line(points, width * 0.14, (62, 66, 50))
        lanes = _ribbon(points, width / 2)[::2]
        canvas.discs(np.column_stack([lanes, np.full(len(lanes), 0.0035)]), [(150, 150, 150)])
    picture = np.asarray(canvas.reduced(), np.float32)
    return (picture * rng.uniform(0.85, 1.15) + _grain(rng, size)).clip(0, 255).astype(np.uint8)


def _grain(rng: np.random.Generator, size: int) -> np.ndarray:
    """Fine grain over soft patches, float32 [size, size, 1]: what a sensor and uneven ground add."""
    layers = [
        Image.fromarray(rng.normal(0, strength, (cells, cells)).astype(np.float32)).resize((size, size))
        for cells, strength in ((24, 6), (128, 8))
    ]
    return np.sum([np.asarray(layer) for layer in layers], axis=0)[..., None]
