"""A trained model behind MLflow's pyfunc interface: `mlflow.pyfunc.load_model`, `mlflow models serve`.

MLflow finds it by this module's name. Arrays go in and come out; the parameters are those of `interface`.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ganflow.inference.features import classify
from ganflow.inference.model import TranslationModel, load_model, network_of
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier


class Served:
    """Answers as its `use` says; see `interface`."""

    def __init__(self, folder: Path) -> None:
        kind = network_of(folder)
        self._classifier = saved.load_network(folder, DigitClassifier)[0] if kind == "DigitClassifier" else None
        self._model = None if self._classifier else load_model(folder)

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> np.ndarray:
        """Pictures, or the digits to draw, int64 [N]; to pictures, or probabilities (the classifier)."""
        params = params or {}
        seed, n = int(params.get("seed", 0)), int(params.get("n", 1))
        given = np.asarray(model_input)
        if self._classifier:
            return classify(self._classifier, given.astype(np.uint8))[1].astype(np.float32)
        if isinstance(self._model, TranslationModel):
            pictures = given.astype(self._model.takes.dtype)
            if not self._model.draws_samples:
                return np.stack([np.asarray(self._model(picture)) for picture in pictures])
            samples = [self._model.samples(picture, n, seed) for picture in pictures]
            return np.stack([np.asarray(drawn) for answers in samples for drawn in answers])
        assert self._model
        if self._model.classes:
            rows = [self._model(n, digit=int(digit), seed=seed + row) for row, digit in enumerate(given.ravel())]
        else:
            rows = [self._model(n, seed=int(number)) for number in given.ravel()]
        return np.concatenate(rows)


def _load_pyfunc(path: str) -> Served:
    """Called by MLflow with the model's folder."""
    return Served(Path(path))
