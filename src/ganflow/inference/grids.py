"""Grids of pictures from uint8 arrays, for the samples of an epoch and for the report."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP = 2  # pixels between tiles
PAPER, INK = (255, 255, 255), (40, 40, 40)


def digit_grid(digits: np.ndarray, columns: int, zoom: int = 2) -> Image.Image:
    """uint8 [N, 28, 28], row by row."""
    return _grid(np.repeat(digits[..., None], 3, axis=3), columns, zoom)


def translation_grid(columns: dict[str, np.ndarray]) -> Image.Image:
    """Captioned columns of images [N, H, W, C], one row per pair."""
    tiles = np.stack([shown(images) for images in columns.values()], axis=1)  # [N, columns, H, W, 3]
    grid = _grid(tiles.reshape(-1, *tiles.shape[2:]), len(columns), zoom=1)
    width = tiles.shape[3] + GAP
    letters = max(9, min(18, width // 9))
    font, header = ImageFont.load_default(size=letters), int(letters * 1.7)
    page = Image.new("RGB", (grid.width, grid.height + header), PAPER)
    page.paste(grid, (0, header))
    draw = ImageDraw.Draw(page)
    for place, caption in enumerate(columns):
        draw.text((GAP + place * width + (width - GAP) / 2, header / 2), caption, INK, font, anchor="mm")
    return page


def shown(images: np.ndarray) -> np.ndarray:
    """Images [..., C] in levels 0..255 as people see them: uint8 [..., 3], grey, or the first three channels."""
    if images.dtype != np.uint8:
        images = images.round().clip(0, 255).astype(np.uint8)
    channels = images.shape[-1]
    return np.repeat(images[..., :1], 3, axis=-1) if channels < 3 else images[..., :3]


def spherical_path(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Latents from start to end, each [R, Z], along great circles: float32 [R, steps, Z], both ends included.

    A straight line would pass nearer to the origin than any N(0, 1) latent lies. White 2016 (arXiv:1609.04468).
    """
    a = start / np.linalg.norm(start, axis=1, keepdims=True)
    b = end / np.linalg.norm(end, axis=1, keepdims=True)
    angle = np.arccos(np.clip((a * b).sum(1), -1, 1))[:, None, None]
    t = np.linspace(0, 1, steps)[None, :, None]
    sine = np.sin(angle)
    straight = sine < 1e-6  # parallel: the path is a line; opposite: no great circle is the shortest
    safe = np.where(straight, 1, sine)
    weight_a = np.where(straight, 1 - t, np.sin((1 - t) * angle) / safe)
    weight_b = np.where(straight, t, np.sin(t * angle) / safe)
    return (weight_a * start[:, None] + weight_b * end[:, None]).astype(np.float32)


def _grid(tiles: np.ndarray, columns: int, zoom: int) -> Image.Image:
    """uint8 [N, H, W, 3] row by row, the last row filled up with white.

    Not by torchvision: its import takes seconds of every stage.
    """
    tiles = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    height, width = tiles.shape[1] + GAP, tiles.shape[2] + GAP
    rows = -(-len(tiles) // columns)
    page = np.full((rows * height + GAP, columns * width + GAP, 3), PAPER, np.uint8)
    for place, tile in enumerate(tiles):
        top, left = GAP + place // columns * height, GAP + place % columns * width
        page[top : top + height - GAP, left : left + width - GAP] = tile
    return Image.fromarray(page)
