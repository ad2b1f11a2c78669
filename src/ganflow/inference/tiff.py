"""TIFF a few rows at a time, in and out, with the georeference that a GeoTIFF carries."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from ganflow.data.pictures import stated_no_data, stated_range
from ganflow.errors import UserError, one_line
from ganflow.inference.rows import Stream, strips

SIDE = 256  # pixels of the tiles that are written
JPEG = 7  # as TIFF numbers ways of compression
LARGEST_SEGMENT = 2**28  # bytes of one stored strip or tile, which can only be read at once
# Scale, tie points, transformation and keys, as the GeoTIFF standard numbers them (OGC 19-008r4, annex C).
GEOREFERENCE = (33550, 33922, 34264, 34735, 34736, 34737)
METRES = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}  # by the code of a linear unit: metre, foot, US survey foot
EARTH_RADIUS = 6_378_137.0  # metres, of EPSG:3857


@dataclass(frozen=True)
class TiffFacts:
    """What the first picture in a TIFF file says of itself."""

    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]
    alpha: bool  #                    the last channel is transparency
    inverted: bool  #                 0 is white
    stated: tuple[float, float] | None  # its range, where a tag says it
    no_data: float | None  #          the value of pixels without data, where a tag says it
    upright: bool  #                  its rows are stored as they are seen: no tag turns or mirrors them
    plain: bool  #                    one picture, grey or RGB, upright: `read_tiff` gives what is to be seen
    metres_per_pixel: float | None  # by its georeference, where that is in metres or feet
    georeference: tuple[Any, ...]  #  tags for `write_tiff`, () if it has none


def facts(path: Path) -> TiffFacts:
    """What a TIFF file says of its first picture, without reading it.

    Raises:
        UserError: it is not a TIFF file, or damaged.
    """
    with _first_page(path) as (file, page):
        tags = page.tags
        samples, colours = page.samplesperpixel, getattr(page.photometric, "name", "")
        extra = [getattr(kind, "name", "") for kind in page.extrasamples]
        alpha = bool(extra) and extra[-1] in ("ASSOCALPHA", "UNASSALPHA") and samples in (2, 4)
        if not (page.imagelength > 0 < page.imagewidth):
            raise ValueError("it is an empty picture")
        upright = 274 not in tags or tags[274].value == 1
        # YCbCr only where its decoder gives RGB. Several pictures of one size are a stack: perhaps channels.
        known = colours in ("RGB", "MINISBLACK", "MINISWHITE") or (colours == "YCBCR" and page.compression == JPEG)
        plain = known and page.imagedepth == 1 and len(page.shape) < 4 and len(file.series[0].pages) == 1
        keep = [tags[code] for code in GEOREFERENCE if code in tags]
        values = {tag.code: tag.value for tag in tags}
        return TiffFacts(
            page.imagelength,
            page.imagewidth,
            samples,
            np.dtype(page.dtype),
            alpha,
            colours == "MINISWHITE",
            stated_range(values),
            stated_no_data(values),
            upright,
            plain and upright and page.dtype is not None and page.bitspersample >= 8,
            _metres_per_pixel(page.geotiff_tags or {}),
            tuple((tag.code, int(tag.dtype), tag.count, tag.value, True) for tag in keep),
        )


def read_tiff(path: Path) -> Iterator[np.ndarray]:
    """The first picture in a TIFF file as chunks [rows, W, C] of its stored values, each strip or tile decoded once.

    Raises:
        UserError: it cannot be decoded, or only in one piece that is too large.
    """
    with _first_page(path) as (file, page):
        high = page.tilelength if page.is_tiled else page.rowsperstrip
        wide = page.tilewidth if page.is_tiled else page.imagewidth
        down, across = math.ceil(page.imagelength / high), math.ceil(page.imagewidth / wide)
        planes = page.samplesperpixel if int(page.planarconfig) == 2 else 1
        depth = page.samplesperpixel // planes
        high = min(high, page.imagelength)
        if page.is_contiguous and planes == 1:  # not compressed: any row can be reached
            yield from _stored_rows(file, page)
            return
        if high * wide * depth * np.dtype(page.dtype).itemsize > LARGEST_SEGMENT:
            raise UserError(
                f"{path} is stored in one piece of {wide}x{high}: store it in tiles, "
                "e.g. `gdal_translate -co TILED=YES IN.tif OUT.tif`"
            )
        for row in range(down):
            top = row * high
            shape = min(high, page.imagelength - top), page.imagewidth, page.samplesperpixel
            chunk = np.full(shape, page.nodata, page.dtype)
            for plane in range(planes):
                for column in range(across):
                    number = (plane * down + row) * across + column
                    if not page.databytecounts[number]:  # a sparse file: nothing is stored there, it has no data
                        continue
                    file.filehandle.seek(page.dataoffsets[number])
                    stored = file.filehandle.read(page.databytecounts[number])
                    try:
                        decoded, _, _ = page.decode(stored, number, jpegtables=page.jpegtables)
                    except (ValueError, RuntimeError, ImportError) as fault:
                        raise _undecodable(path, page, fault) from None
                    pixels = decoded[0, : len(chunk)]
                    left = column * wide
                    chunk[:, left : left + wide, plane : plane + depth] = pixels[:, : page.imagewidth - left]
            yield chunk


def write_tiff(
    path: Path, picture: Stream, channels: int, dtype: np.dtype[Any], georeference: tuple[Any, ...] = ()
) -> None:
    """Write a picture to `path` row of tiles by row of tiles, losslessly compressed; three channels are RGB."""

    samples = () if channels == 1 else (channels,)

    def tiles() -> Iterator[np.ndarray]:
        for strip in strips(picture, SIDE):
            for left in range(0, picture.width, SIDE):
                tile = strip[:, left : left + SIDE]
                missing = [(0, SIDE - length) for length in tile.shape[:2]]
                yield np.ascontiguousarray(np.pad(tile, (*missing, (0, 0)))).reshape(SIDE, SIDE, *samples)

    size = picture.height * picture.width * channels * dtype.itemsize
    tifffile.imwrite(
        path,
        tiles(),
        shape=(picture.height, picture.width, *samples),
        dtype=dtype,
        tile=(SIDE, SIDE),
        photometric="rgb" if channels == 3 else "minisblack",
        compression="zlib",
        predictor=dtype.kind in "iu",  # of floats it takes imagecodecs
        planarconfig=None if channels == 1 else "contig",
        bigtiff=size > 2**31,
        extratags=georeference,
        metadata=None,
    )


@contextmanager
def _first_page(path: Path) -> Iterator[tuple[tifffile.TiffFile, Any]]:
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong is said in an error
    try:
        with tifffile.TiffFile(path) as file:
            yield file, file.pages.first
    except UserError:
        raise
    except Exception as fault:  # a damaged file can raise any
        raise UserError(f"{path} is not a readable TIFF file: {one_line(fault) or 'it is damaged'}") from None


def _stored_rows(file: tifffile.TiffFile, page: Any) -> Iterator[np.ndarray]:
    row = page.imagewidth * page.samplesperpixel
    dtype = np.dtype(page.dtype).newbyteorder(file.byteorder)
    count = max(1, 2**22 // row)
    file.filehandle.seek(page.dataoffsets[0])
    for top in range(0, page.imagelength, count):
        rows = min(count, page.imagelength - top)
        values = np.frombuffer(file.filehandle.read(rows * row * dtype.itemsize), dtype)
        yield values.reshape(rows, page.imagewidth, page.samplesperpixel).astype(dtype.newbyteorder("="), copy=False)


def _undecodable(path: Path, page: Any, fault: BaseException) -> UserError:
    why = one_line(fault)
    if "imagecodecs" in why:
        return UserError(f"{path} is compressed with {page.compression.name}: pip install imagecodecs")
    return UserError(f"{path} is damaged: {why}")


def _metres_per_pixel(geo: dict[str, Any]) -> float | None:
    """Metres on the ground that a pixel is wide; None if the georeference does not say it in metres or feet."""
    if "ModelPixelScale" not in geo or int(geo.get("GTModelTypeGeoKey", 0)) != 1:  # 1: projected
        return None
    scale, system = float(geo["ModelPixelScale"][0]), int(geo.get("ProjectedCSTypeGeoKey", 0))
    if system == 3857 and "ModelTiepoint" in geo:  # web maps stretch lengths by 1 / cos(latitude)
        latitude = 2 * math.atan(math.exp(float(geo["ModelTiepoint"][4]) / EARTH_RADIUS)) - math.pi / 2
        return scale * math.cos(latitude)
    metre = 1.0 if 32601 <= system <= 32760 else None  # UTM
    unit = METRES.get(int(geo.get("ProjLinearUnitsGeoKey", 0)), metre)
    return scale * unit if unit else None
