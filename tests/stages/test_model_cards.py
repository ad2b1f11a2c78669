import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ruamel.yaml import YAML

from ganflow.files import sha256
from ganflow.metrics.measures import BY_TASK
from ganflow.report import model_card
from ganflow.tasks import TASKS

TABLE: dict[str, Any] = {
    "about": {"source": "download", "checkpoint": "best", "epoch": 9, "n": 200, "size": 256, "test_data": "cd"},
    "rows": {"model": {"mean_iou": (0.31, 0.03), "mae": (10.166, 0.6)}, "constant": {"mae": (10.561, 0.5)}},
}
MODEL = {"arguments": {"channels": 16}, "objective": "lsgan", "best_by": "mean_iou", "eval_size": 256}
SIDES = {"aerial2map": ("aerial photo", "map"), "map2aerial": ("map", "aerial photo")}
TRAINING = {"source": "download", "train": 1000, "val": 96, "load_size": 286, "digest": "ab"}


def card(direction: str = "aerial2map", source: str = "download") -> str:
    return model_card.build_card(
        "pix2pix",
        model=MODEL | {"source": source, "direction": direction},
        weights_sha256="ef",
        table=TABLE | {"about": TABLE["about"] | dict(zip(("input", "target"), SIDES[direction], strict=True))},
        training=TRAINING | {"source": source},
        parameters={"seed": 0, "maps": {"crop_size": 128}},
    )


def front_matter(text: str) -> dict[str, Any]:
    return YAML(typ="safe").load(text.split("---\n")[1])


def test_numbers_stand_with_their_interval_beside_the_baselines_that_were_measured() -> None:
    lines = card().splitlines()
    assert "| | this model | one constant colour |" in lines
    assert "| mean absolute error ↓ | 10.17 ± 0.60 | 10.56 |" in lines
    assert "| mean class IoU ↑ | 0.310 ± 0.030 | – |" in lines
    (result,) = front_matter(card())["model-index"][0]["results"]
    assert result["metrics"] == [{"type": "mean_iou", "value": 0.31}, {"type": "mae", "value": 10.17}]


def test_a_model_of_generated_data_says_so_and_a_real_one_does_not() -> None:
    assert "built-in generated data" in card(source="generated")
    assert "generated" not in card()
    assert "New York" in card()
    assert "New York" not in card(source="generated")


def test_a_model_that_lost_to_one_colour_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "This model is" not in card()
    monkeypatch.setitem(TABLE["rows"]["constant"], "mean_iou", (0.4, 0.03))
    assert "> **This model is worse than one constant colour by mean class IoU**" in card()


def test_the_other_direction_has_limits_of_its_own() -> None:
    assert "map → aerial photo" in card("map2aerial")
    assert "iou/motorway" in card("aerial2map")
    assert "iou/motorway" not in card("map2aerial")


@pytest.mark.parametrize("task", ["gan", "cgan"])
def test_a_model_of_own_small_pictures_is_called_none_of_handwritten_digits(task: str) -> None:
    about = {"source": "folder", "checkpoint": "best", "epoch": 9, "n": 200, "n_reference": 9, "test_data": "cd"}
    text = model_card.build_card(
        task,
        model={"arguments": {"channels": 16}, "objective": "lsgan", "best_by": "x", "source": "folder"},
        weights_sha256="ef",
        table={"about": about | {"classifier_accuracy": 0.9}, "rows": {"model": {"coverage": (0.4, 0.1)}}},
        training=TRAINING | {"source": "folder", "name": "insects", "classes": ["ant", "bee", "cat"]},
        parameters={"seed": 0},
    )
    assert "for the pictures of insects\n" in text
    assert "ant, bee, cat." in text
    assert "small pictures in classes: insects." in text
    for untrue in ("handwritten", "MNIST", "mnist", "pairs", "tiles", "0 to 9", "digit=7", "--digit 7"):
        assert untrue not in text
    assert front_matter(text)["model-index"][0]["results"][0]["dataset"]["type"] == "own"


@pytest.mark.parametrize("task", TASKS)
def test_the_card_of_a_run_tells_of_that_run_and_its_code_works(
    whole: Path, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (whole / f"reports/model_cards/{task}.md").read_text()
    metrics = json.loads((whole / f"metrics/{task}.json").read_text())
    (result,) = front_matter(text)["model-index"][0]["results"]
    shown = {metric["type"]: metric["value"] for metric in result["metrics"]}
    digits = {measure.key: measure.digits for measure in BY_TASK[task] if measure.key in metrics}
    assert shown == {key: pytest.approx(metrics[key], abs=0.51 * 10**-places) for key, places in digits.items()}
    assert sha256(whole / f"models/{task}/best/model.safetensors") in text
    assert "\n\n\n" not in text

    (tmp_path / "models").symlink_to(whole / "models")
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (50, 40), "green").save("photo.jpg")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    made: dict[str, Any] = {}
    exec(code, made)
    if task in ("gan", "cgan"):
        assert made["digits"].shape == (10, 28, 28)
    else:
        assert {Image.open(path).size for path in tmp_path.glob("drawn*.png")} == {(50, 40)}
