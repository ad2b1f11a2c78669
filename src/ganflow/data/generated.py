"""The built-in data: real handwritten digits at MNIST's size, and procedural towns drawn as a photo and as a map.

A town is painted once, as labels (street, garden, water, a roof's shade). Two palettes turn the labels into the photo
and the map, so that what the map shows is what can be seen in the photo.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

Points = np.ndarray  # float [n, 2]: x, y in the unit square (or beyond it)
Scalars = float | np.ndarray
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
CITY_ROOFS = np.array([(82, 80, 78), (58, 56, 55), (116, 114, 110), (158, 158, 156), (196, 196, 194), (94, 82, 74)])
SUBURB_ROOFS = np.array([(84, 81, 78), (66, 63, 61), (104, 98, 92), (88, 78, 71), (134, 131, 127), (84, 69, 62)])
SUPERSAMPLING = 2


def towns(count: int, size: int, seed: int, first: int = 0) -> np.ndarray:
    """Towns `first` to `first + count`: uint8 [count, 2, size, size, 3] RGB, aerial photo, then map.

    A town depends on (seed, its number) alone, and is the same scene at every size.
    """
    return np.stack([town(size, seed, first + n) for n in range(count)])


def town(size: int, seed: int, number: int) -> np.ndarray:
    """One town: uint8 [2, size, size, 3]."""
    rng = np.random.default_rng([seed, number])
    scene = _Scene(rng, rng.random(), _Layer(size), _Layer(size), _Layer(size))
    _draw_blocks(scene)
    for draw, chance in ((_draw_park, 0.3), (_draw_water, 0.35), (_draw_motorway, 0.35)):
        if rng.random() < chance:
            draw(scene)

    houses, trees = scene.houses.mask(), scene.trees.mask()
    street_map, photo = scene.ground.image.copy(), scene.ground.image
    street_map.paste(scene.houses.image, None, houses)
    sun = rng.uniform(0, 2 * math.pi)
    for mask, height in ((houses, rng.uniform(0.005, 0.019 - 0.012 * scene.suburb)), (trees, 0.007)):
        for part in (0.5, 1.0):  # the shadow of a wall begins at the wall
            length = part * height * scene.ground.side
            photo.paste(LABEL["shadow"], (round(math.cos(sun) * length), round(math.sin(sun) * length)), mask)
    photo.paste(scene.houses.image, None, houses)
    photo.paste(scene.trees.image, None, trees)

    coloured = _coloured(photo, _photo_palette(rng, scene.suburb)).astype(np.uint16)
    coloured = (coloured * _grain(rng, size)[..., None] >> 7).clip(0, 255).astype(np.uint8)
    return np.stack([coloured, _coloured(street_map, _map_palette())])


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
    steep = ((pixels.astype(np.float32) - 85) * 2.4).clip(0, 255).astype(np.uint8)
    return np.pad(steep, 4)


# Painting


class _Layer:
    """A picture of labels, drawn in unit coordinates and larger than wanted, so that edges can be smoothed."""

    def __init__(self, size: int) -> None:
        self.side = SUPERSAMPLING * size
        self.image = Image.new("L", (self.side, self.side))
        self._draw = ImageDraw.Draw(self.image)

    def area(self, outline: Points, label: int) -> None:
        self._draw.polygon((outline * self.side).ravel().tolist(), label)

    def areas(self, outlines: np.ndarray, labels: np.ndarray) -> None:
        """Outlines [n, corners, 2], of which those out of the picture are left out; labels [n]."""
        seen = _seen(outlines)
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
class _Scene:
    """One town in the making. What is drawn on `houses` and `trees` hides the ground, and casts a shadow."""

    rng: np.random.Generator
    suburb: float  # from 0, a city, to 1
    ground: _Layer
    houses: _Layer
    trees: _Layer

    def clear(self, outline: Points) -> None:
        """Nothing stands here."""
        for layer in (self.houses, self.trees):
            layer.area(outline, 0)

    def plant(self, places: Points) -> None:
        count = len(places)
        self.trees.discs(places, self.rng.uniform(0.005, 0.013, count), self.rng.integers(TREE, TREE + TREES, count))

    def park_cars(self, outlines: np.ndarray, on: str) -> None:
        self.ground.areas(outlines, self.rng.integers(CAR[on], CAR[on] + len(CARS), len(outlines)))


def _coloured(labels: Image.Image, palette: np.ndarray) -> np.ndarray:
    """Labels through a palette [256, 3], at the size wanted: uint8 [size, size, 3]."""
    labels.putpalette(palette.tobytes())
    return np.asarray(labels.convert("RGB").reduce(SUPERSAMPLING))


@cache
def _map_palette() -> np.ndarray:
    """uint8 [256, 3]. Trees have no colour: they are not on the map."""
    surfaces = [on_map for _, on_map in SURFACES.values()]
    cars = [SURFACES[name][1] for name in PARKED_ON for _ in CARS]
    return np.array(surfaces + cars + [LAND] * TREES + [BUILDING] * ROOFS, np.uint8)


def _photo_palette(rng: np.random.Generator, suburb: float) -> np.ndarray:
    """uint8 [256, 3]: the colours of one photo, which has its own exposure and its own tint of every ground."""
    surfaces = np.array([in_photo for in_photo, _ in SURFACES.values()])
    surfaces = surfaces * rng.uniform(0.9, 1.12, (len(surfaces), 1)) + rng.uniform(-3, 3, surfaces.shape)
    crowns = np.array([24, 33, 19]) + np.linspace(0, 22, TREES)[:, None] * [1, 1.05, 0.7]
    city, suburban = (kinds[rng.integers(len(kinds), size=ROOFS)] for kinds in (CITY_ROOFS, SUBURB_ROOFS))
    roofs = np.where(rng.random((ROOFS, 1)) < suburb, suburban, city) * rng.uniform(0.85, 1.15, (ROOFS, 1))
    palette = np.vstack([surfaces, CARS * len(PARKED_ON), crowns * rng.uniform(0.85, 1.2), roofs])
    return (palette * rng.uniform(0.85, 1.15)).clip(0, 255).astype(np.uint8)


def _grain(rng: np.random.Generator, size: int) -> np.ndarray:
    """Brightness over 128 of fine grain on uneven ground: uint16 [size, size]."""
    left, top = rng.integers(256, size=2).tolist()
    return np.asarray(_noise().resize((size, size), box=(left, top, left + 256, top + 256)), np.uint16)


@cache
def _noise() -> Image.Image:
    """Noise of three scales around 128, of which every photo shows a piece: 512 x 512."""
    rng = np.random.default_rng(0)
    layers = [
        np.asarray(Image.fromarray(rng.normal(0, strength, (cells, cells)).astype(np.float32)).resize((512, 512)))
        for cells, strength in ((48, 8), (170, 10), (512, 10))
    ]
    return Image.fromarray((128 + np.sum(layers, axis=0)).clip(0, 255).astype(np.uint8))


# Streets and houses


class _Grid:
    """The axes of a street grid: turned, and sometimes bent, against the picture's."""

    def __init__(self, rng: np.random.Generator) -> None:
        angle, self._phase = rng.uniform(0, 2 * math.pi, 2)
        self._bend = rng.uniform(-0.3, 0.3) * (rng.random() < 0.4)
        self._wave = rng.uniform(0.02, 0.07) * (rng.random() < 0.35)
        self._turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])

    def place(self, x: np.ndarray, y: np.ndarray) -> Points:
        """From the grid's axes to the picture's: [..., 2]."""
        bent = np.stack([x + self._bend * y**2, y + self._wave * np.sin(3.5 * x + self._phase)], axis=-1)
        return bent @ self._turn + 0.5

    def boxes(self, left: Scalars, top: Scalars, right: Scalars, bottom: Scalars, corners: int = 2) -> np.ndarray:
        """Outlines [..., 2 * corners, 2] of upright boxes; with more `corners` the top and the bottom can bend."""
        x = np.linspace(left, right, corners, axis=-1)
        upper, lower = (np.broadcast_to(np.asarray(y)[..., None], x.shape) for y in (top, bottom))
        return self.place(np.concatenate([x, x[..., ::-1]], -1), np.concatenate([upper, lower], -1))


def _draw_blocks(scene: _Scene) -> None:
    """The blocks of a street grid and what stands on them. What no block covers is street."""
    rng, grid = scene.rng, _Grid(scene.rng)
    across, along = _lines(rng, rng.uniform(0.10, 0.15)), _lines(rng, rng.uniform(0.2, 0.42))
    half_across, half_along = _half_widths(rng, len(across)), _half_widths(rng, len(along))
    stagger = rng.uniform(-0.1, 0.1, (len(across) - 1, 1)) * (rng.random() < 0.3)  # crossings become T-junctions
    left = (stagger + along[:-1] + half_along[:-1]).ravel()
    right = (stagger + along[1:] - half_along[1:]).ravel()
    top = np.repeat(across[:-1] + half_across[:-1], len(along) - 1)
    bottom = np.repeat(across[1:] - half_across[1:], len(along) - 1)
    blocks = np.stack([left, top, right, bottom], axis=1)
    blocks = blocks[_seen(grid.boxes(left, top, right, bottom))]

    kinds = rng.choice(3, len(blocks), p=[0.85, 0.10, 0.05])
    yard = "paved" if scene.suburb < 0.4 else "garden"
    grounds = np.array([LABEL[yard], LABEL["paved"], LABEL["park"]])
    for inset, labels in ((0, np.full(len(blocks), LABEL["pavement"])), (0.0025, grounds[kinds])):
        left, top, right, bottom = blocks.T
        scene.ground.areas(grid.boxes(left + inset, top + inset, right - inset, bottom - inset, 6), labels)
    homes, halls, parks = (blocks[kinds == kind] for kind in range(3))
    _draw_homes(scene, grid, homes)
    for block in halls:
        _draw_hall(scene, grid, *block.tolist())
    for left, top, right, bottom in parks.tolist():
        count = 4 + int(rng.uniform(200, 900) * (right - left) * (bottom - top))
        scene.plant(grid.place(rng.uniform(left, right, count), rng.uniform(top, bottom, count)))


def _lines(rng: np.random.Generator, spacing: float) -> np.ndarray:
    """Positions of parallel streets, unevenly spaced, from -0.75 or before to 0.75 or beyond."""
    steps = spacing * rng.uniform(0.75, 1.3, size=int(2.4 / spacing))
    return np.cumsum(steps) - steps[0] - 0.75 - rng.uniform(0, spacing)


def _half_widths(rng: np.random.Generator, count: int) -> np.ndarray:
    """Half the width of each street: one in eight is an arterial."""
    return np.where(rng.random(count) < 0.12, 0.016, 0.0095)


def _draw_homes(scene: _Scene, grid: _Grid, blocks: np.ndarray) -> None:
    """Houses in two rows, back to back, with gardens between in a suburb and hardly any gap in a city.

    All of `blocks` [n, 4] (left, top, right, bottom) at once: arrays here are [n, 1], or [n, lots].
    """
    rng, suburban = scene.rng, scene.suburb > 0.4
    left, top, right, bottom = blocks.T[..., None]
    lot = rng.uniform(0.02, 0.034, left.shape) if suburban else rng.uniform(0.026, 0.06, left.shape)
    depth = (bottom - top) * (rng.uniform(0.26, 0.34, left.shape) if suburban else rng.uniform(0.32, 0.44, left.shape))
    x = left + 0.004 + lot * np.arange(((right - left) / lot).max(initial=1))
    fits = x + lot < right
    for front in (top + 0.006, bottom - 0.006 - depth):
        built = fits & (rng.random(x.shape) > 0.08)
        gap = lot * (rng.uniform(0.06, 0.17, x.shape) if suburban else 0.02)
        upper = front + rng.uniform(0, 0.006, x.shape)
        lower = upper + depth * rng.uniform(0.7, 1.0, x.shape)
        alike = rng.integers(ROOF, 256, left.shape)  # rows are often built as one
        roofs = np.where(rng.random(x.shape) < 0.6, alike, rng.integers(ROOF, 256, x.shape))
        scene.houses.areas(grid.boxes(x + gap, upper, x + lot - gap, lower)[built], roofs[built])
    gardens = (top + depth, bottom - depth, 0.3 + 0.8 * scene.suburb)
    for low, high, share in (gardens, (top, top, 0.35), (bottom, bottom, 0.35)):
        grown = fits & (rng.random(x.shape) < share)
        y = low + (high - low) * rng.random(x.shape)
        scene.plant(grid.place((x + rng.uniform(0, 0.01, x.shape))[grown], y[grown]))
    for kerb in (top - 0.0055, bottom + 0.0005):
        parked = fits & (rng.random(x.shape) < 0.4)
        scene.park_cars(grid.boxes(x, kerb, x + 0.01, kerb + 0.005)[parked], "street")


def _draw_hall(scene: _Scene, grid: _Grid, left: float, top: float, right: float, bottom: float) -> None:
    """A large flat building and its car park."""
    rng = scene.rng
    middle = left + (right - left) * rng.uniform(0.35, 0.75)
    outline = grid.boxes(left + 0.008, top + 0.008, middle, bottom - 0.008)
    scene.houses.area(outline, int(rng.integers(ROOF, 256)))
    x, y = np.meshgrid(np.arange(middle + 0.012, right - 0.01, 0.008), np.arange(top + 0.012, bottom - 0.015, 0.022))
    taken = rng.random(x.shape) < rng.uniform(0.2, 0.8)
    scene.park_cars(grid.boxes(x, y, x + 0.0045, y + 0.01)[taken], "paved")


# Across the grid


def _draw_park(scene: _Scene) -> None:
    """A large park: it covers the streets below it, and has its own paths, groves and meadows."""
    rng = scene.rng
    outline = _blob(rng, rng.uniform(0.1, 0.9, 2), rng.uniform(0.15, 0.45), int(rng.choice([5, 6, 7, 48])))
    scene.clear(outline)
    scene.ground.area(outline, LABEL["park"])
    for _ in range(rng.integers(2, 6)):
        start = rng.integers(len(outline))
        a, b = outline[start], outline[start - len(outline) // 2]  # opposite, so that the path stays in the park
        scene.ground.area(_ribbon(_curve(a, b, rng.uniform(-0.25, 0.25)), 0.006), LABEL["path"])
    low, high = outline.min(0), outline.max(0)
    groves, count = rng.uniform(low, high, (20, 2)), int(rng.uniform(250, 1100) * np.prod(high - low))
    trees = groves[rng.integers(len(groves), size=count)] + rng.normal(0, rng.uniform(0.04, 0.12), (count, 2))
    scene.plant(trees[_inside(outline, trees)])


def _draw_water(scene: _Scene) -> None:
    """A river, a lake, or the sea on one side."""
    rng = scene.rng
    match rng.integers(3):
        case 0:
            middle, width = _crossing(rng, 0.35), rng.uniform(0.06, 0.3)
            outline, bank = _ribbon(middle, width), _ribbon(middle, width + 0.012)
        case 1:
            outline = _blob(rng, rng.uniform(0.2, 0.8, 2), rng.uniform(0.1, 0.3))
            bank = outline + 0.03 * (outline - outline.mean(0))
        case _:
            side = rng.uniform(0, 2 * math.pi)
            outline = _blob(rng, 0.5 + np.array([math.cos(side), math.sin(side)]) * rng.uniform(0.5, 1.1), 0.8)
            bank = outline + 0.012 * (outline - outline.mean(0))
    scene.clear(bank)
    scene.ground.area(bank, LABEL["shore"])
    scene.ground.area(outline, LABEL["water"])


def _draw_motorway(scene: _Scene) -> None:
    """A motorway of two carriageways, or an avenue of one; both bridge water."""
    rng, points = scene.rng, _crossing(scene.rng, 0.25)
    motorway = rng.random() < 0.65
    name, border = ("motorway", "motorway edge") if motorway else ("avenue", "avenue")
    width = rng.uniform(0.04, 0.052) if motorway else rng.uniform(0.026, 0.034)
    scene.clear(_ribbon(points, width + 0.016))
    scene.ground.area(_ribbon(points, width), LABEL[border])
    for side in (-1, 1):
        lane = _ribbon(points, side * width / 2)[: len(points)]
        if motorway:
            scene.ground.area(_ribbon(lane, width * 0.36), LABEL[name])
        at = rng.integers(1, len(lane) - 1, rng.integers(4, 12))
        step = lane[at + 1] - lane[at]
        ahead = 0.007 * step / np.linalg.norm(step, axis=1, keepdims=True)
        aside = 0.4 * np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
        cars = lane[at] + rng.uniform(-2, 2, (len(at), 1)) * ahead + rng.choice([-1.2, 1.2], (len(at), 1)) * aside
        corners = [cars + ahead + aside, cars + ahead - aside, cars - ahead - aside, cars - ahead + aside]
        scene.park_cars(np.stack(corners, axis=1), name)


# Geometry


def _seen(outlines: np.ndarray) -> np.ndarray:
    """Whether any of each outline [n, corners, 2] can lie in the picture."""
    return ((outlines.max(1) > 0) & (outlines.min(1) < 1)).all(1)


def _crossing(rng: np.random.Generator, bulge: float) -> Points:
    """An arc from beyond one side of the picture to beyond the opposite side."""
    ends = np.array([[rng.uniform(0.1, 0.9), -0.15], [rng.uniform(0.1, 0.9), 1.15]])
    if rng.random() < 0.5:
        ends = ends[:, ::-1]
    return _curve(ends[0], ends[1], rng.uniform(-bulge, bulge))


def _curve(a: Points, b: Points, bulge: float) -> Points:
    """A quadratic arc from a to b, `bulge` chords to the side."""
    t = np.linspace(0, 1, 25)[:, None]
    middle = (a + b) / 2 + bulge * np.array([b[1] - a[1], a[0] - b[0]])
    return (1 - t) ** 2 * a + 2 * t * (1 - t) * middle + t**2 * b


def _ribbon(middle: Points, width: float) -> Points:
    """The outline of a band around a line: one side, then the other side backwards."""
    direction = np.gradient(middle, axis=0)
    normal = np.stack([-direction[:, 1], direction[:, 0]], axis=1) / np.linalg.norm(direction, axis=1, keepdims=True)
    return np.concatenate([middle + normal * width / 2, (middle - normal * width / 2)[::-1]])


def _blob(rng: np.random.Generator, centre: Points, radius: float, corners: int = 48) -> Points:
    """A closed outline around `centre`, wavy, or of few corners."""
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    waves = np.sum([rng.normal(0, 0.22 / k) * np.cos(k * turn + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5)], axis=0)
    return centre + radius * (1 + waves)[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)


def _inside(outline: Points, points: Points) -> np.ndarray:
    """Whether each of `points` [n, 2] lies inside `outline`: its ray crosses the outline an odd number of times."""
    x, y = points[:, :1], points[:, 1:]
    (x0, y0), (x1, y1) = outline.T, np.roll(outline, -1, axis=0).T
    at = (x1 - x0) * (y - y0) / (y1 - y0 + 1e-12) + x0
    return (((y0 > y) != (y1 > y)) & (x < at)).sum(1) % 2 == 1
