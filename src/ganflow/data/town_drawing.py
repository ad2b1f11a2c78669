"""What a town consists of: blocks of a street grid with their houses, parks, water, motorways."""

import math

import numpy as np

from ganflow.data.town_canvas import LABEL, ROOF, Points, Scene, blob, crossing, curve, inside, ribbon, seen_in_picture

Scalars = float | np.ndarray


class _Grid:
    """The axes of a street grid: rotated, and sometimes bent, relative to the picture's."""

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


def draw_blocks(scene: Scene) -> None:
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
    blocks = blocks[seen_in_picture(grid.boxes(left, top, right, bottom))]

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


def _draw_homes(scene: Scene, grid: _Grid, blocks: np.ndarray) -> None:
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


def _draw_hall(scene: Scene, grid: _Grid, left: float, top: float, right: float, bottom: float) -> None:
    """A large flat building and its car park."""
    rng = scene.rng
    middle = left + (right - left) * rng.uniform(0.35, 0.75)
    outline = grid.boxes(left + 0.008, top + 0.008, middle, bottom - 0.008)
    scene.houses.area(outline, int(rng.integers(ROOF, 256)))
    x, y = np.meshgrid(np.arange(middle + 0.012, right - 0.01, 0.008), np.arange(top + 0.012, bottom - 0.015, 0.022))
    taken = rng.random(x.shape) < rng.uniform(0.2, 0.8)
    scene.park_cars(grid.boxes(x, y, x + 0.0045, y + 0.01)[taken], "paved")


def draw_park(scene: Scene) -> None:
    """A large park: it covers the streets below it, and has its own paths, groves and meadows."""
    rng = scene.rng
    outline = blob(rng, rng.uniform(0.1, 0.9, 2), rng.uniform(0.15, 0.45), int(rng.choice([5, 6, 7, 48])))
    scene.clear(outline)
    scene.ground.area(outline, LABEL["park"])
    for _ in range(rng.integers(2, 6)):
        start = rng.integers(len(outline))
        a, b = outline[start], outline[start - len(outline) // 2]  # opposite, so that the path stays in the park
        scene.ground.area(ribbon(curve(a, b, rng.uniform(-0.25, 0.25)), 0.006), LABEL["path"])
    low, high = outline.min(0), outline.max(0)
    groves, count = rng.uniform(low, high, (20, 2)), int(rng.uniform(250, 1100) * np.prod(high - low))
    trees = groves[rng.integers(len(groves), size=count)] + rng.normal(0, rng.uniform(0.04, 0.12), (count, 2))
    scene.plant(trees[inside(outline, trees)])


def draw_water(scene: Scene) -> None:
    """A river, a lake, or the sea on one side."""
    rng = scene.rng
    match rng.integers(3):
        case 0:
            middle, width = crossing(rng, 0.35), rng.uniform(0.06, 0.3)
            outline, bank = ribbon(middle, width), ribbon(middle, width + 0.012)
        case 1:
            outline = blob(rng, rng.uniform(0.2, 0.8, 2), rng.uniform(0.1, 0.3))
            bank = outline + 0.03 * (outline - outline.mean(0))
        case _:
            side = rng.uniform(0, 2 * math.pi)
            outline = blob(rng, 0.5 + np.array([math.cos(side), math.sin(side)]) * rng.uniform(0.5, 1.1), 0.8)
            bank = outline + 0.012 * (outline - outline.mean(0))
    scene.clear(bank)
    scene.ground.area(bank, LABEL["shore"])
    scene.ground.area(outline, LABEL["water"])


def draw_motorway(scene: Scene) -> None:
    """A motorway of two carriageways, or an avenue of one; both bridge water."""
    rng, points = scene.rng, crossing(scene.rng, 0.25)
    motorway = rng.random() < 0.65
    name, border = ("motorway", "motorway edge") if motorway else ("avenue", "avenue")
    width = rng.uniform(0.04, 0.052) if motorway else rng.uniform(0.026, 0.034)
    scene.clear(ribbon(points, width + 0.016))
    scene.ground.area(ribbon(points, width), LABEL[border])
    for side in (-1, 1):
        lane = ribbon(points, side * width / 2)[: len(points)]
        if motorway:
            scene.ground.area(ribbon(lane, width * 0.36), LABEL[name])
        at = rng.integers(1, len(lane) - 1, rng.integers(4, 12))
        step = lane[at + 1] - lane[at]
        ahead = 0.007 * step / np.linalg.norm(step, axis=1, keepdims=True)
        aside = 0.4 * np.stack([-ahead[:, 1], ahead[:, 0]], axis=1)
        cars = lane[at] + rng.uniform(-2, 2, (len(at), 1)) * ahead + rng.choice([-1.2, 1.2], (len(at), 1)) * aside
        corners = [cars + ahead + aside, cars + ahead - aside, cars - ahead - aside, cars - ahead + aside]
        scene.park_cars(np.stack(corners, axis=1), name)
