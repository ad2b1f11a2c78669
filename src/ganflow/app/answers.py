"""What the page of `ganflow app` asks for: which models there are, answers for a photo, digits of a chosen class."""

import base64
import io
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganflow.data.kinds import Kind
from ganflow.data.pictures import SUFFIXES
from ganflow.errors import UserError, without_secrets
from ganflow.inference.grids import shown
from ganflow.inference.model import DigitModel, TranslationModel, load_model
from ganflow.inference.output import not_shown
from ganflow.inference.photos import Photo, open_photo
from ganflow.inference.sample_files import Wanted, sampled_digits
from ganflow.inference.translate_files import Options, scale

MOST_SAMPLES = 8  #   answers for one photo
MOST_DIGITS = 100


@dataclass
class Answers:
    """Models by the names that the page shows, and what they answer. Models are loaded when first asked."""

    folders: dict[str, Path]
    most_pixels: int
    _loaded: dict[str, TranslationModel | DigitModel] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)  # one answer at a time has all cores

    def models(self) -> list[dict[str, Any]]:
        """Each model's name, what it does, and what it was trained on; or why it cannot be used ("error")."""
        return [self._about(name) for name in self.folders]

    def _about(self, name: str) -> dict[str, Any]:
        try:
            model = self._model(name)
        except UserError as fault:  # the others can be used
            return {"name": name, "error": without_secrets(str(fault))}
        about = {"name": name, "source": model.config.get("source", "")}
        if isinstance(model, DigitModel):
            return about | {"does": "draw", "classes": model.classes}
        names = " → ".join(kind.name for kind in (model.takes, model.gives)) if "input" in model.config else ""
        return about | {"does": "translate", "samples": model.draws_samples, "pair": names}

    def translate(self, name: str, content: bytes, asked: dict[str, str]) -> dict[str, Any]:
        """Answers for the photo in the file's `content`: pictures as PNG in data URIs, sizes and what was assumed.

        asked: file (its name), n (samples), seed, fit ("1"), metres (per pixel).

        Raises:
            UserError: the photo or what is asked for cannot be used.
        """
        model = self._model(name)
        if not isinstance(model, TranslationModel):
            raise UserError(f"{name} draws digits")
        n = _number(asked, "n", 1, MOST_SAMPLES) if model.draws_samples else 1
        metres = float(_number(asked, "metres", 0.001, 1000, float)) if asked.get("metres") else None
        options = Options(metres_per_pixel=metres, fit=asked.get("fit") == "1")
        suffix = Path(asked.get("file", "")).suffix.lower()
        with self._turn:
            try:
                photo = self._read(content, suffix if suffix in SUFFIXES else ".png", model.takes)
                factor, assumed = scale(model, photo, options)
            except UserError as fault:  # in the page's words
                raise UserError(str(fault).replace(str(model.folder), name)) from None
            if photo.height * photo.width * factor**2 > self.most_pixels:
                raise UserError(f"at this scale the photo would be {factor:.3g} times as wide: too large for this page")
            latents = model.latents(n, _number(asked, "seed", 0, 2**31 - 1)) if model.draws_samples else [None]
            answers = [model.levels(photo, factor, latent).rows(0, photo.height) for latent in latents]
        return {
            "width": photo.width,
            "height": photo.height,
            "photo": _data_uri(photo.stream().rows(0, photo.height)),
            "answers": [_data_uri(answer) for answer in answers],
            "notes": [*photo.notes, assumed.split("; --")[0], *not_shown(model.gives)],
        }

    def _read(self, content: bytes, suffix: str, kind: Kind) -> Photo:
        """The photo in the `content` of a file, which is on disk only while it is read."""
        with tempfile.TemporaryDirectory(prefix="ganflow-app-") as folder:
            path = Path(folder) / f"the photo{suffix}"
            path.write_bytes(content)
            try:
                return open_photo(path, self.most_pixels, kind, in_pieces=False)
            except UserError as fault:
                raise UserError(str(fault).replace(str(path), "the photo")) from None

    def digits(self, name: str, asked: dict[str, str]) -> dict[str, Any]:
        """Digits in one picture. asked: digit (or nothing: any, or every one in turn), n, seed.

        Raises:
            UserError: the model cannot draw what is asked for.
        """
        model = self._model(name)
        if not isinstance(model, DigitModel):
            raise UserError(f"{name} translates photos")
        digit = _number(asked, "digit", 0, 99) if asked.get("digit") else None
        n, seed = _number(asked, "n", 1, MOST_DIGITS), _number(asked, "seed", 0, 2**31 - 1)
        with self._turn:
            grid = sampled_digits(model, Wanted(n, digit, each=False, walk=None, seed=seed)).grid
        return {"picture": _data_uri(np.asarray(grid)), "width": grid.width, "height": grid.height}

    def _model(self, name: str) -> TranslationModel | DigitModel:
        if name not in self.folders:
            raise UserError("there is no such model: load the page again")
        if name not in self._loaded:
            self._loaded[name] = load_model(self.folders[name])
        return self._loaded[name]


def _number(asked: dict[str, str], key: str, low: float, high: float, kind: type[float] = int) -> Any:
    try:
        value = kind(asked.get(key, ""))
    except ValueError:
        raise UserError(f"{key} takes a number") from None
    if not low <= value <= high:
        raise UserError(f"{key} takes a number from {low:g} to {high:g}")
    return value


def _data_uri(levels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(shown(levels)).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
