"""Read a picture file of any usual kind as it is stored: no value is clipped, no channel lost, orientation applied."""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ganflow.errors import UserError, one_line

MOST_CHANNELS = 16
MOST_PIXELS = 178_956_970  # Pillow's own bound against "decompression bombs": small files that fill the memory
SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")
)
_ONE_CHANNEL = ("1", "L", "P", "I", "F", "I;16", "I;16B")  # Pillow's modes of a TIFF of one channel
_ORIENTATION, _RANGES = 274, ((280, 281), (340, 341))  # TIFF tags: smallest and largest sample value
_SIGNED = 339  # TIFF tag: 1 unsigned, 2 signed, 3 floats
_NO_DATA = 42113  # GDAL's TIFF tag: the value of pixels without data


@dataclass(frozen=True)
class StoredPicture:
    """A picture's values as stored, and the range that they are to be seen in."""

    pixels: np.ndarray  #         [H, W, C], C from 1 to 16: uint8, uint16 or float32
    low: float  #                 the value shown as black
    high: float  #                the value shown as white
    alpha: np.ndarray | None  #   float32 [H, W], 0 (transparent) to 1; None if opaque everywhere
    notes: tuple[str, ...]  #     what was assumed or changed, for people
    no_data: np.ndarray | None = None  # bool [H, W], where the file says that it has none; None: nowhere
    stated: tuple[float, float] | None = None  # the range, where the file's tags state it

    @property
    def channels(self) -> int:
        return self.pixels.shape[2]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def present(self) -> np.ndarray:
        """The pixels that have data, [H, W, C] or [N, C]; all of them if none has."""
        return self.pixels if self.no_data is None or self.no_data.all() else self.pixels[~self.no_data]

    @property
    def is_whole(self) -> bool:
        """Whether all values are whole numbers."""
        return self.pixels.dtype != np.float32 or bool((self.present == np.rint(self.present)).all())

    @property
    def share_without_data(self) -> float:
        return 0.0 if self.no_data is None else float(self.no_data.mean())

    def filled(self, low: float) -> np.ndarray:
        """The pixels; floats with `low` where there is no data."""
        if self.no_data is None or self.pixels.dtype != np.float32:
            return self.pixels
        return np.where(self.no_data[..., None], np.float32(low), self.pixels)


def read(path: Path, *, most_pixels: int = MOST_PIXELS) -> StoredPicture:
    """The picture in `path`, turned as its EXIF orientation says.

    A palette picture is read as its colours. A 1-bit picture has the values 0 and 255. CMYK and YCbCr become RGB. Wider
    integers become uint16 where that holds them, else float32. Numbers that are not finite, and the value that GDAL's
    TIFF tag names, are no data.

    Raises:
        UserError: it cannot be read, is larger than `most_pixels`, has more than 16 channels, or is not one picture.
    """
    try:
        found = _read_npy(path) if path.suffix.lower() == ".npy" else _read_image(path, most_pixels)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as fault:
        raise UserError(f"{path} cannot be read: {fault.strerror}") from None
    except UnidentifiedImageError:
        raise UserError(f"{path} is not a readable picture: no known format, or damaged") from None
    except UserError:
        raise
    except Exception as fault:  # each decoder has its own errors for a damaged file
        raise UserError(f"{path} is not a readable picture: {one_line(fault) or type(fault).__name__}") from None
    pixels = found.pixels
    if 0 in pixels.shape:
        raise UserError(f"{path} is an empty picture")
    if pixels.shape[0] * pixels.shape[1] > most_pixels:
        raise _too_large(path, (pixels.shape[1], pixels.shape[0]), most_pixels)
    if pixels.shape[2] > MOST_CHANNELS:
        raise UserError(f"{path} has {pixels.shape[2]} channels: at most {MOST_CHANNELS} are used")
    return found


def from_array(values: np.ndarray) -> StoredPicture:
    """Values [H, W] or [H, W, C] in memory, as if read from a file.

    Raises:
        UserError: they are not a picture.
    """
    try:
        return _picture(values, [])
    except ValueError as fault:
        raise UserError(f"the array is no picture: {fault}") from None


def from_image(image: Image.Image) -> StoredPicture:
    """Pillow's picture in memory, as if read from a file.

    Raises:
        UserError: its mode is not supported.
    """
    try:
        return _from_pillow(image)
    except ValueError as fault:
        raise UserError(f"the image cannot be used: {fault}") from None


def value_range(smallest: float, largest: float, dtype: np.dtype[Any]) -> tuple[float, float, str]:
    """The range in which values from `smallest` to `largest` are to be seen, and why, for people.

    8 bits: 0 to 255, whatever is in them. 16 bits: 0 to the largest value of as many bits (8, 10, 12, 14, 16) as hold
    the values, because cameras with 10 to 14 bits write into 16. Floats: the first of 0 to 1, -1 to 1, 0 to 255, 0 to
    65535 that holds them, else from the smallest to the largest, at least 1. Of a set, give the extremes of all.
    """
    if dtype == np.uint8:
        return 0.0, 255.0, "8 bits"
    if dtype == np.uint16:
        bits = next(bits for bits in (8, 10, 12, 14, 16) if largest < 2**bits)
        return 0.0, float(2**bits - 1), f"{bits} bits, by the largest value {largest:g}"
    for low, high in ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (0.0, 65535.0)):
        if low <= smallest and largest <= high:
            return low, high, f"{low:g} to {high:g}, which holds its values {smallest:g} to {largest:g}"
    return smallest, max(largest, smallest + (smallest == largest)), f"its own values, {smallest:g} to {largest:g}"


def range_of_set(
    smallest: float, largest: float, dtype: np.dtype[Any], stated: set[tuple[float, float] | None]
) -> tuple[float, float]:
    """The range of a set of pictures: what the tags of all its files state, if that is the same, else `value_range`."""
    one = next(iter(stated)) if len(stated) == 1 else None
    return one or value_range(smallest, largest, dtype)[:2]


def on_white(picture: StoredPicture) -> StoredPicture:
    """The picture with its transparent parts over white, the upper end of its range."""
    if picture.alpha is None:
        return picture
    weight = picture.alpha[..., None]
    pixels = weight * picture.pixels.astype(np.float32) + (1 - weight) * np.float32(picture.high)
    if picture.pixels.dtype != np.float32:
        pixels = pixels.round()
    return replace(
        picture,
        pixels=pixels.astype(picture.pixels.dtype),
        alpha=None,
        notes=(*picture.notes, "transparent parts are white"),
    )


def _picture(
    pixels: np.ndarray,
    notes: list[str],
    stated: tuple[float, float] | None = None,
    alpha: Any = None,
    no_data: float | None = None,  # the value of pixels without data
) -> StoredPicture:
    """A picture of [H, W] or [H, W, C] values of any number type."""
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if pixels.ndim != 3:
        shape = " x ".join(map(str, pixels.shape))
        raise ValueError(f"it holds {shape} values, where one picture of height x width x channels is needed")
    missing = missing_in(pixels, no_data)
    # NaN, or a number such as -9999 that would need another type: neither can stay.
    replaced = missing if pixels.dtype.kind in "fi" else None
    if replaced is not None:
        if replaced.all():
            raise ValueError("it has no data in any pixel")
        pixels = np.where(replaced[..., None], pixels[~replaced].min(), pixels)
    pixels = _as_usual_type(pixels)
    if not pixels.size:
        return StoredPicture(pixels, 0.0, 1.0, None, ())
    present = pixels if missing is None or missing.all() else pixels[~missing]
    low, high, why = value_range(float(present.min()), float(present.max()), pixels.dtype)
    if pixels.dtype == np.uint8 or (stated and not holds(stated, present.min(), present.max())):
        stated = None
    if stated is not None:
        (low, high), why = stated, f"{stated[0]:g} to {stated[1]:g}, by the file's tags"
    if (low, high) not in ((0, 255), (0, 65535)) or pixels.dtype == np.float32:
        notes = [*notes, f"range: {why}"]
    if replaced is not None:
        pixels = np.where(replaced[..., None], pixels.dtype.type(low), pixels)
    opaque = alpha is None or bool((alpha >= 1).all())
    alpha = None if opaque else alpha
    return StoredPicture(np.ascontiguousarray(pixels), low, high, alpha, tuple(notes), missing, stated)


def missing_in(pixels: np.ndarray, no_data: float | None) -> np.ndarray | None:
    """Which pixels of [H, W, C] are not finite in some channel, or `no_data` in all; None if none is."""
    missing = np.zeros(pixels.shape[:2], bool)
    if pixels.dtype.kind == "f":
        missing |= ~np.isfinite(pixels).all(2)
    if no_data is not None and pixels.dtype.kind in "fiu":
        # Floats in their own type: the tag has more digits than float32.
        value = np.array(no_data).astype(pixels.dtype) if pixels.dtype.kind == "f" else no_data
        missing |= (pixels == value).all(2)
    return missing if missing.any() else None


def _as_usual_type(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels.astype(pixels.dtype.newbyteorder("="))
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32)
    if pixels.dtype.kind not in "iu":
        raise ValueError(f"it holds values of type {pixels.dtype}, where numbers are needed")
    smallest, largest = (int(pixels.min()), int(pixels.max())) if pixels.size else (0, 0)
    if smallest >= 0 and largest <= 65535:
        return pixels.astype(np.uint16)
    if max(-smallest, largest) > 2**24:  # float32 would round them
        raise ValueError(f"it holds integers from {smallest} to {largest}: at most 24 bits are read exactly")
    return pixels.astype(np.float32)


def _read_npy(path: Path) -> StoredPicture:
    array = np.load(path, allow_pickle=False, mmap_mode="r")
    if array.ndim == 3 and array.shape[0] <= MOST_CHANNELS < min(array.shape[1:]):
        array = array.transpose(1, 2, 0)  # channels first
    return _picture(np.array(array), [])


def _read_image(path: Path, most_pixels: int) -> StoredPicture:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of large pictures: the bound here is ours
        try:
            opened = _open(path)
        except UnidentifiedImageError:
            if path.suffix.lower() not in (".tif", ".tiff"):
                raise
            return _read_tiff(path, most_pixels)
        with opened as image:
            if image.width * image.height > most_pixels:
                raise _too_large(path, image.size, most_pixels)
            frames = getattr(image, "n_frames", 1)
            if image.format == "TIFF" and (frames > 1 or not _pillow_keeps_all(image)):
                return _read_tiff(path, most_pixels)
            if frames > 1 and image.format != "MPO":  # a photo with its preview
                raise ValueError(f"it holds {frames} pictures, where one is needed")
            if image.format == "PPM" and image.mode == "RGB" and image.tile[0].codec_name != "raw":
                largest = int((image.tile[0].args or [255])[-1])  # of these Pillow would keep the upper 8 bits
                if largest > 255:
                    raise ValueError(f"its colours have values up to {largest}: save it as PNG or TIFF")
            if image.format == "PNG" and image.mode in ("RGB", "RGBA", "LA") and _png_depth(path) == 16:
                return _read_png16(path, image)
            return _from_pillow(image)


def _open(path: Path) -> ImageFile.ImageFile:
    most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        return Image.open(path)
    finally:
        Image.MAX_IMAGE_PIXELS = most


def _from_pillow(image: Image.Image) -> StoredPicture:
    tags, notes = getattr(image, "tag_v2", {}), []
    image = ImageOps.exif_transpose(image)
    mode = image.mode
    if mode in ("CMYK", "YCbCr", "HSV", "RGBX"):
        notes.append(f"{mode} is read as RGB")
        image = image.convert("RGB")
    elif mode in ("P", "PA"):
        image = image.convert("RGBA" if mode == "PA" or "transparency" in image.info else "RGB")
        pixels = np.asarray(image)
        if (pixels[..., :1] == pixels[..., 1:3]).all():  # a palette of greys
            image = image.convert("LA" if image.mode == "RGBA" else "L")
    elif mode in ("La", "RGBa"):
        image = image.convert(mode.upper())
    elif mode == "1":
        image = image.convert("L")
    elif mode in ("L", "RGB") and "transparency" in image.info:
        image = image.convert("LA" if mode == "L" else "RGBA")
    elif mode not in ("L", "LA", "RGB", "RGBA", "I", "F") and not mode.startswith("I;16"):
        raise ValueError(f"its colours are {mode}: save it as RGB or grey")
    pixels = np.asarray(image)
    # Pillow takes 8 bits for unsigned and 32 for signed, whatever a TIFF says.
    if tags and (other := {("L", 2): np.int8, ("I", 1): np.uint32}.get((image.mode, max(tags.get(_SIGNED, (1,)))))):
        pixels = pixels.view(other)
    if image.mode in ("LA", "RGBA"):
        return _picture(pixels[..., :-1], notes, alpha=pixels[..., -1].astype(np.float32) / 255)
    return _picture(pixels, notes, stated_range(tags), no_data=stated_no_data(tags))


def _pillow_keeps_all(image: ImageFile.ImageFile) -> bool:
    """Whether Pillow gives a TIFF's values as stored: one channel, or colours of 8 bits and no channel besides."""
    tags = getattr(image, "tag_v2", {})
    depth, channels, white_is_zero = max(tags.get(258, (1,))), tags.get(277, 1), tags.get(262) == 0
    if image.mode in _ONE_CHANNEL:
        # Rows and columns that are to be exchanged come out wrong where Pillow maps the file instead of reading it.
        if tags.get(_ORIENTATION, 1) > 4 and image.tile[0].codec_name == "raw":
            return False
        return channels == 1 and (depth <= 8 or not white_is_zero)
    return image.mode in ("RGB", "CMYK", "YCbCr") and depth <= 8 and channels == len(image.getbands())


def _read_tiff(path: Path, most_pixels: int) -> StoredPicture:
    """Any number of channels, 16 bits, floats. An extra sample that the file calls alpha is alpha."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as file:
            series = file.series[0]
            page = series.keyframe
            if page.imagewidth * page.imagelength > most_pixels:
                raise _too_large(path, (page.imagewidth, page.imagelength), most_pixels)
            if not set(series.axes) <= set("YXS"):
                axes = " x ".join(f"{length} {axis}" for axis, length in zip(series.axes, series.shape, strict=True))
                if series.axes[-2:] != "YX" or len(series.axes) != 3 or series.shape[0] > MOST_CHANNELS:
                    raise ValueError(f"it holds a stack ({axes}), where one picture is needed")
            pixels = np.asarray(series.asarray())
            tags = {tag.code: tag.value for tag in page.tags}
            extra = [getattr(kind, "name", "") for kind in page.extrasamples]
            colours = getattr(page.photometric, "name", "of an unknown kind")
            channels_first = pixels.ndim == 3 and series.axes[-1] != "S"
    except (tifffile.TiffFileError, IndexError, KeyError, TypeError) as fault:
        raise ValueError(one_line(fault) or "it is damaged") from None
    except ValueError as fault:
        if "imagecodecs" in str(fault):
            raise ValueError("its compression is not read at this depth: save it with Deflate, or without") from None
        raise
    if channels_first:
        pixels = pixels.transpose(1, 2, 0)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    if colours not in ("MINISBLACK", "MINISWHITE", "RGB"):
        raise ValueError(f"its colours are {colours}: save it as RGB or grey")
    no_data = stated_no_data(tags)
    if colours == "MINISWHITE" and pixels.dtype.kind == "u":
        full = np.iinfo(pixels.dtype).max
        pixels, no_data = full - pixels, None if no_data is None else full - no_data
    pixels = _turned(pixels, tags.get(_ORIENTATION, 1))
    alpha = None
    if extra and extra[-1] in ("ASSOCALPHA", "UNASSALPHA") and pixels.shape[2] in (2, 4):
        full = np.float32(1 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max)
        pixels, alpha = pixels[..., :-1], pixels[..., -1].astype(np.float32) / full
    return _picture(pixels, [], stated_range(tags), alpha, no_data)


def stated_no_data(tags: Any) -> float | None:
    """The value of pixels without data, of a TIFF's tags; None if they do not say it."""
    try:
        return float(tags[_NO_DATA])
    except (KeyError, TypeError, ValueError):
        return None


def stated_range(tags: Any) -> tuple[float, float] | None:
    return next(((_number(tags.get(low, 0)), _number(tags[high])) for low, high in _RANGES if high in tags), None)


def holds(stated: tuple[float, float], smallest: float, largest: float) -> bool:
    """Whether a range that a file states is one, and holds its values: some programs write tags that do not."""
    return bool(stated[0] < stated[1] and stated[0] <= smallest and largest <= stated[1])


def _number(value: Any) -> float:
    return float(max(value) if isinstance(value, tuple) else value)


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """As the TIFF and EXIF tag 274 says: 5 to 8 exchange rows and columns, and the others mirror."""
    if orientation > 4:
        pixels = pixels.swapaxes(0, 1)
    down = orientation in (3, 4, 7, 8)
    across = orientation in (2, 3, 6, 7)
    return pixels[:: -1 if down else 1, :: -1 if across else 1]


def _png_depth(path: Path) -> int:
    with path.open("rb") as file:
        return file.read(25)[24]


def _read_png16(path: Path, image: Image.Image) -> StoredPicture:
    """Colours of 16 bits, of which Pillow reads the upper 8."""
    from torchvision.io import ImageReadMode, decode_image

    decoded = decode_image(str(path), ImageReadMode.UNCHANGED)
    pixels = _turned(decoded.numpy().transpose(1, 2, 0), image.getexif().get(_ORIENTATION, 1))
    if image.mode == "RGB":
        return _picture(pixels, [])
    return _picture(pixels[..., :-1], [], alpha=pixels[..., -1].astype(np.float32) / 65535)


def _too_large(path: Path, size: tuple[int, int], most_pixels: int) -> UserError:
    return UserError(f"{path} is {size[0]}x{size[1]}: {size[0] * size[1]:,} pixels, at most {most_pixels:,} are read")
