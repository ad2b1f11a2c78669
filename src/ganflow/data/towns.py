"""The built-in pairs: procedural towns, each drawn as an aerial photo and as a map.

A town is painted once, as labels (street, garden, water, a roof's shade). Two palettes turn the labels into the photo
and the map, so that what the map shows is what can be seen in the photo.
"""

import math
from functools import cache

import numpy as np
from PIL import Image

from ganflow.data.town_canvas import (
    BUILDING,
    CARS,
    LABEL,
    LAND,
    PARKED_ON,
    ROOFS,
    SUPERSAMPLING,
    SURFACES,
    TREES,
    Layer,
    Scene,
)
from ganflow.data.town_drawing import draw_blocks, draw_motorway, draw_park, draw_water

CITY_ROOFS = np.array([(82, 80, 78), (58, 56, 55), (116, 114, 110), (158, 158, 156), (196, 196, 194), (94, 82, 74)])
SUBURB_ROOFS = np.array([(84, 81, 78), (66, 63, 61), (104, 98, 92), (88, 78, 71), (134, 131, 127), (84, 69, 62)])


def towns(count: int, size: int, seed: int, first: int = 0) -> np.ndarray:
    """Towns `first` to `first + count`: uint8 [count, 2, size, size, 3] RGB, aerial photo, then map.

    A town depends only on `seed` and its number, and is the same scene at every size.
    """
    return np.stack([town(size, seed, first + n) for n in range(count)])


def town(size: int, seed: int, number: int) -> np.ndarray:
    """One town: uint8 [2, size, size, 3]."""
    rng = np.random.default_rng([seed, number])
    scene = Scene(rng, rng.random(), Layer(size), Layer(size), Layer(size))
    draw_blocks(scene)
    for draw, chance in ((draw_park, 0.3), (draw_water, 0.35), (draw_motorway, 0.35)):
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
    """Factors of brightness, times 128, for fine grain on uneven ground: uint16 [size, size]."""
    left, top = rng.integers(256, size=2).tolist()
    return np.asarray(_noise().resize((size, size), box=(left, top, left + 256, top + 256)), np.uint16)


@cache
def _noise() -> Image.Image:
    """Noise at three scales around 128, [512, 512]; every photo uses a crop of it."""
    rng = np.random.default_rng(0)
    layers = [
        np.asarray(Image.fromarray(rng.normal(0, strength, (cells, cells)).astype(np.float32)).resize((512, 512)))
        for cells, strength in ((48, 8), (170, 10), (512, 10))
    ]
    return Image.fromarray((128 + np.sum(layers, axis=0)).clip(0, 255).astype(np.uint8))
