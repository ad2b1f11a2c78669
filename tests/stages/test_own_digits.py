"""The digit half of the pipeline on a folder of the user's."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from workspace import project, unwatched

STAGES = ("prepare_mnist", "train_classifier", "train_gan", "train_cgan", "evaluate_gan", "evaluate_cgan")


def test_a_folder_of_three_classes_is_trained_and_measured(tmp_path: Path) -> None:
    """No MNIST, no maps: as many classes as there are folders, of the fewest pictures, from classifier to charts."""
    rng = np.random.default_rng(0)
    for row, name in enumerate(("ant", "bee", "cat")):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(10):
            picture = rng.integers(0, 90, (28, 28), np.uint8)
            picture[9 * row : 9 * row + 9] += 150
            Image.fromarray(picture).save(tmp_path / "mine" / name / f"{number}.png")
    small = {"batch_size": 8}
    folder = project(
        tmp_path / "project",
        mnist={"folder": str(tmp_path / "mine"), "val_images": 50},
        classifier=small,
        gan=small,
        cgan=small,
    )
    unwatched(folder, *STAGES, "render_digits")
    training = json.loads((folder / "data/prepared/mnist/training.json").read_text())
    assert (training["source"], training["name"], training["classes"]) == ("folder", "mine", ["ant", "bee", "cat"])
    tables = {task: json.loads((folder / f"metrics/tables/{task}.json").read_text()) for task in ("gan", "cgan")}
    assert len(tables["gan"]["class_shares"]) == 3
    assert set(tables["cgan"]["by_class"]["model"]) == {"0", "1", "2"}
    counts = [json.loads((folder / f"data/prepared/mnist/{part}.json").read_text()) for part in ("training", "test")]
    assert (counts[0]["train"], counts[0]["val"], counts[1]["test"]) == (18, 3, 9)
    assert json.loads((folder / "models/cgan/best/config.json").read_text())["arguments"]["classes"] == 3
    assert (folder / "reports/figures/digits/gan_shares.png").exists()
    assert sorted(path.name for path in (folder / "data/prepared").iterdir()) == ["mnist"]
