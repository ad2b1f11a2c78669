"""Which model is meant: a folder, the demo's, or the first that is there; and `ganflow.load`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganflow
from ganflow.errors import UserError
from ganflow.find_model import find_model
from ganflow.inference.model import DigitModel, TranslationModel
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.dcgan import DigitGenerator
from ganflow.models.unet import UNet

ROOT = Path(__file__).parents[1]
UNET = {"levels": 5, "channels": 4, "norm": "instance", "upsample": "resize", "dropout": 0.0}
CVAE = {"levels": 5, "channels": 4, "encoder_channels": 4, "norm": "instance", "upsample": "resize"}
CVAE |= {"latent_dim": 3, "prior": "learned"}
PHOTO = np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.setenv("DVC_ROOT", "")
    (tmp_path / "docs/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "docs/deep")
    return tmp_path


def pix2pix(folder: Path) -> Path:
    saved.save_network(folder, UNet(**UNET), UNET, {"eval_size": 32, "source": "generated"})
    return folder


def cgan(folder: Path, classes: int = 10) -> Path:
    arguments = {"latent_dim": 4, "channels": 2, "classes": classes}
    saved.save_network(folder, DigitGenerator(**arguments), arguments, {"source": "generated"})
    return folder


def test_models_come_first_then_the_demos_and_it_is_said(project: Path) -> None:
    with pytest.raises(UserError, match="no trained pix2pix in models/ or demo/models/, and no champion: `make demo`"):
        find_model(None, ["pix2pix"])
    with pytest.raises(UserError, match="`make demo` makes it"):
        find_model("demo", ["pix2pix"])
    pix2pix(project / "demo/models/pix2pix/best")
    found = find_model(None, ["pix2pix"])
    assert found.folder == project / "demo/models/pix2pix/best"
    assert found.said == "model: ../../demo/models/pix2pix/best (there is no models/pix2pix)"
    assert find_model("models/pix2pix/best", ["pix2pix"]).said.endswith("(there is no models/pix2pix/best)")
    pix2pix(project / "models/pix2pix/best")
    pix2pix(project / "models/pix2pix/last")
    assert find_model(None, ["pix2pix"]).said == "model: ../../models/pix2pix/best"
    assert find_model(None, ["pix2pix"], "last").folder == project / "models/pix2pix/last"
    assert find_model("demo", ["cvae", "pix2pix"]).folder == project / "demo/models/pix2pix/best"


@pytest.mark.parametrize("named", ["models/pix2pix/best", "models/pix2pix", "models", ".", "../../models/pix2pix"])
def test_a_folder_is_named_from_here_or_from_the_root_at_any_level(project: Path, named: str) -> None:
    model = pix2pix(project / "models/pix2pix/best")
    wanted = str(project) if named == "." else named
    assert find_model(wanted, ["pix2pix"]).folder.resolve() == model
    assert find_model(str(model), ["pix2pix"]).folder == model


def test_a_folder_without_the_model_is_refused(project: Path) -> None:
    (project / "models").mkdir()
    for wanted in ("models", str(project / "nothing")):
        with pytest.raises(UserError, match=r"no trained pix2pix in .*config\.json"):
            find_model(wanted, ["pix2pix"])
    with pytest.raises(UserError, match=r"'some-run' is no folder.*--epoch"):
        find_model("some-run", ["pix2pix"], "last")


def test_a_loaded_translator_answers_in_the_kind_it_is_asked_in(project: Path) -> None:
    model = ganflow.load(pix2pix(project / "m"), device="cpu")
    assert isinstance(model, TranslationModel)
    Image.fromarray(PHOTO).save(project / "photo.png")
    drawn = model(PHOTO)
    assert isinstance(drawn, np.ndarray)
    assert (drawn.dtype, drawn.shape) == (np.uint8, PHOTO.shape)
    for image in (Image.fromarray(PHOTO), project / "photo.png", str(project / "photo.png")):
        answer = model(image)
        assert isinstance(answer, Image.Image)
        assert np.array_equal(np.asarray(answer), drawn)
    assert np.array_equal(model(PHOTO[..., 0]), model(np.repeat(PHOTO[..., :1], 3, axis=2)))
    assert np.array_equal(model(PHOTO.astype(np.uint16) * 257), drawn)
    with pytest.raises(UserError, match="has one answer"):
        model.samples(PHOTO, 2)
    with pytest.raises(UserError, match="does not know its scale"):
        model(PHOTO, metres_per_pixel=1.0)
    with pytest.raises(UserError, match="no picture"):
        model(np.zeros((2, 3, 4, 5, 6), np.uint8))


def test_a_conditional_vae_has_as_many_answers_as_one_asks_for(project: Path) -> None:
    saved.save_network(project / "m", ConditionalVae(**CVAE), CVAE, {"eval_size": 32, "source": "generated"})
    model = ganflow.load(project / "m", device="cpu")
    assert isinstance(model, TranslationModel)
    one, two = model.samples(PHOTO, 2, seed=5)
    assert not np.array_equal(one, two)
    assert np.array_equal(model(PHOTO, seed=5), model(PHOTO, seed=5))
    assert not np.array_equal(model(PHOTO, seed=5), model(PHOTO))


def test_a_loaded_digit_model_draws_what_it_is_asked_for(project: Path) -> None:
    model = ganflow.load(cgan(project / "m"), device="cpu")
    assert isinstance(model, DigitModel)
    sevens = model(5, digit=7, seed=1)
    assert (sevens.dtype, sevens.shape) == (np.uint8, (5, 28, 28))
    assert np.array_equal(sevens, model(5, digit=7, seed=1))
    assert not np.array_equal(sevens, model(5, digit=3, seed=1))
    assert np.array_equal(model(8, seed=1)[7], model(8, digit=7, seed=1)[7]), "all in turn"
    walk = model.walk(2, 6, digit=7)
    assert walk.shape == (2, 6, 28, 28)
    assert not np.array_equal(walk[0, 0], walk[0, 5])
    with pytest.raises(UserError, match="0 to 9"):
        model(1, digit=10)
    plain = ganflow.load(cgan(project / "g", classes=0), device="cpu")
    assert isinstance(plain, DigitModel)
    assert plain(3).shape == (3, 28, 28)
    with pytest.raises(UserError, match="class-conditional"):
        plain(1, digit=7)


def test_a_model_that_neither_translates_nor_draws_is_refused(project: Path) -> None:
    model = cgan(project / "m")
    config = model / "config.json"
    config.write_text(config.read_text().replace("DigitGenerator", "DigitClassifier"))
    with pytest.raises(UserError, match="holds a DigitClassifier"):
        ganflow.load(model)


def test_using_a_model_imports_nothing_of_training_or_tracking(project: Path) -> None:
    """And `import ganflow` imports nothing at all."""
    model = pix2pix(project / "models/pix2pix/best")
    code = (
        "import sys, ganflow; assert 'torch' not in sys.modules and 'numpy' not in sys.modules\n"
        f"ganflow.load({str(model)!r}, device='cpu')\n"
        "heavy = {'mlflow', 'dvc', 'pandas', 'sklearn', 'scipy', 'matplotlib', 'torchvision'} & set(sys.modules)\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('ganflow.')}\n"
        "print(sorted(heavy | (rooms & {'training', 'tracking', 'pipeline', 'evaluation', 'metrics', 'report'})))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT / "src", check=True)
    assert done.stdout == "[]\n"
