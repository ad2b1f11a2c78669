"""A logged model: loaded by MLflow it answers as the model does, says how to use it, and names no folder of ours."""

import ast
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from small_model import ARGUMENTS, EXAMPLE, small_model

import ganflow
from ganflow.comparison.champion import ValidationScore
from ganflow.errors import UserError
from ganflow.find_model import find_model
from ganflow.inference.model import DigitModel, TranslationModel, load_model
from ganflow.models import saved
from ganflow.models.classifier import DigitClassifier
from ganflow.models.cvae import ConditionalVae
from ganflow.models.dcgan import DigitGenerator
from ganflow.models.unet import UNet
from ganflow.tracking.logged_model import REQUIREMENTS
from ganflow.tracking.run import Dataset, start_run

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (2, 21, 30, 3), np.uint8)
CVAE = {"levels": 2, "channels": 1, "encoder_channels": 1, "norm": "instance", "upsample": "resize"}
CVAE |= {"latent_dim": 3, "prior": "learned"}


def logged(task: str, model: Path, example: np.ndarray) -> Any:
    """The model as MLflow loads it, after a run has logged it."""
    tracker = start_run(task, params={"seed": 0}, dataset=Dataset("maps", "ab" * 32, "download"), training="1", tags={})
    tracker.model(
        model, example, "model", ValidationScore("mean_iou", True, {"n": 96}, "download", "", np.linspace(0.4, 0.6, 11))
    )
    tracker.finish("FINISHED")
    return mlflow.pyfunc.load_model(f"models:/{task}@champion")


def test_a_translator_takes_photos_of_any_size(tmp_path: Path) -> None:
    model = small_model(tmp_path)
    served = logged("pix2pix", model, EXAMPLE)
    ours = load_model(model)
    assert isinstance(ours, TranslationModel)
    assert np.array_equal(served.predict(PHOTOS), np.stack([np.asarray(ours(photo)) for photo in PHOTOS]))
    assert "uint8 [N, height, width, 3]" in served.metadata.metadata["use"]
    assert "uint8" in str(served.metadata.signature.inputs)
    assert np.array_equal(served.input_example, EXAMPLE)
    with pytest.raises(mlflow.MlflowException):
        served.predict(PHOTOS.astype(np.float32))
    found = find_model("models:/pix2pix@champion", ["pix2pix"])
    assert (found.folder / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    for place in (str(tmp_path), str(Path(__file__).parents[2])):
        for path in found.folder.parents[1].rglob("*"):
            if path.is_file() and path.name != "MLmodel":  # MLflow's own: where this store keeps the model
                assert place.encode() not in path.read_bytes(), path
    assert not [path for path in found.folder.parents[1].rglob("*") if path.suffix in {".pkl", ".pt2", ".pyc"}]


def test_a_model_of_own_pairs_takes_and_gives_their_numbers_and_channels(tmp_path: Path) -> None:
    scan = {"name": "scan", "channels": 1, "dtype": "uint16", "low": 0.0, "high": 4095.0, "classes": None}
    arguments = ARGUMENTS | {"inputs": 1, "outputs": 4}
    about = {"eval_size": 16, "source": "folder", "input": scan, "target": scan | {"name": "bands", "channels": 4}}
    saved.save_network(tmp_path / "m", UNet(**arguments), arguments, about)
    scans = RNG.integers(0, 4096, (2, 21, 30, 1), np.uint16)
    served = logged("pix2pix", tmp_path / "m", scans[:1, :8, :8])
    assert "uint16 [N, height, width, 1], 0 to 4095" in served.metadata.metadata["use"]
    drawn = served.predict(scans)
    assert (drawn.shape, drawn.dtype) == ((2, 21, 30, 4), np.uint16)
    assert np.array_equal(drawn[1], load_model(tmp_path / "m")(scans[1]))  # type: ignore[arg-type]
    with pytest.raises(mlflow.MlflowException):
        served.predict(PHOTOS)


def test_the_requirements_are_what_the_code_inside_imports() -> None:
    """At its modules' top: what is imported late (tracking, say) is not used there."""
    source, waiting, seen, foreign = Path(ganflow.__file__).parents[1], ["ganflow.inference.served"], set(), set()
    while waiting:
        module = waiting.pop()
        path = source / f"{module.replace('.', '/')}.py"
        if module in seen or not path.exists():
            continue
        seen.add(module)
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                foreign.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                foreign |= {alias.name.split(".")[0] for alias in node.names}
    foreign -= {*sys.stdlib_module_names, "ganflow"}
    provided = {name: {Path(file).parts[0] for file in metadata.files(name) or ()} for name in REQUIREMENTS}
    provided = {name: {first.removesuffix(".py") for first in firsts} for name, firsts in provided.items()}
    assert foreign <= set().union(*provided.values()), "none is missing"
    assert [name for name, modules in provided.items() if not foreign & modules] == [], "none is too many"


def test_a_conditional_vae_draws_n_samples_of_each_photo(tmp_path: Path) -> None:
    saved.save_network(tmp_path / "m", ConditionalVae(**CVAE), CVAE, {"eval_size": 16, "source": "generated"})
    served = logged("cvae", tmp_path / "m", EXAMPLE)
    drawn = served.predict(PHOTOS, params={"n": 3, "seed": 1})
    assert drawn.shape == (6, 21, 30, 3)
    ours = load_model(tmp_path / "m")
    assert isinstance(ours, TranslationModel)
    assert np.array_equal(drawn[3:], np.stack([np.asarray(one) for one in ours.samples(PHOTOS[1], 3, seed=1)]))


@pytest.mark.parametrize("classes", [0, 10])
def test_a_digit_model_draws_the_digits_asked_for(tmp_path: Path, classes: int) -> None:
    arguments = {"latent_dim": 4, "channels": 2, "classes": classes}
    saved.save_network(tmp_path / "m", DigitGenerator(**arguments), arguments, {"source": "generated"})
    served = logged("cgan" if classes else "gan", tmp_path / "m", np.array([7, 3]))
    drawn = served.predict(np.array([7, 3]), params={"n": 2, "seed": 5})
    assert (drawn.dtype, drawn.shape) == (np.uint8, (4, 28, 28))
    ours = load_model(tmp_path / "m")
    assert isinstance(ours, DigitModel)
    assert np.array_equal(drawn[2:], ours(2, digit=3, seed=6) if classes else ours(2, seed=3))


def test_the_classifier_gives_probabilities(tmp_path: Path) -> None:
    saved.save_network(tmp_path / "m", DigitClassifier(), {}, {"source": "generated"})
    digits = RNG.integers(0, 256, (3, 28, 28), np.uint8)
    answer = logged("classifier", tmp_path / "m", digits[:2]).predict(digits)
    assert answer.dtype == np.float32
    assert np.allclose(answer.sum(1), 1)


def test_a_run_is_named_by_its_id_and_what_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: list[object] = []
    monkeypatch.setattr("ganflow.tracking.fetch_model.atexit.register", lambda *what, **_: at_exit.append(what))
    with pytest.raises(UserError, match="no runs here yet"):
        find_model("abc123", ["pix2pix"])
    logged("pix2pix", small_model(tmp_path), EXAMPLE)
    (run,) = mlflow.MlflowClient().search_runs(["1"])
    found = find_model(run.info.run_id[:10], ["pix2pix"])
    assert found.said == f"model: pix2pix of run {run.info.run_name} ({run.info.run_id[:12]})"
    assert (found.folder / "config.json").exists()
    assert at_exit == [], "the store's own folder, though below the one for temporary files, is not to be removed"
    assert find_model(None, ["pix2pix"]).said.startswith("model: pix2pix version 1 of run ")
    with pytest.raises(UserError, match=r"'.*' trained pix2pix, where cvae is needed"):
        find_model(run.info.run_id, ["cvae"])
    for wanted in ("models:/pix2pix@best", "models:/pix2pix/7", "models:/none/1"):
        with pytest.raises(UserError, match=f"there is no {wanted}"):
            find_model(wanted, ["pix2pix"])
