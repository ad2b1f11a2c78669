"""What somebody sees of two runs: MLflow's pages as `make ui` opens them, and the page of `ganflow compare`.

Each page must show what it is opened for, and may ask nothing outside this machine (the fixture `page`). A picture of
each is left in the tests' temporary folder (`pytest --basetemp=FOLDER` keeps it).
"""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hostile import NAMES
from PIL import Image
from playwright.sync_api import Page, expect
from small_model import EXAMPLE, small_model

from ganflow import config
from ganflow.cli import main
from ganflow.comparison.champion import ValidationScore
from ganflow.metrics import classes, translation
from ganflow.metrics.bootstrap import multiplicities
from ganflow.metrics.comparable import judged
from ganflow.tracking import run as tracking
from ganflow.tracking import standings
from ganflow.tracking.evaluations import log_evaluation

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(0)
REAL = RNG.choice(np.array([[234, 230, 222], [254, 254, 254], [178, 210, 254]], np.uint8), (30, 16, 16))


def logged(folder: Path, lambda_l1: float, wrong: float, colour: str) -> str:
    """A run as a training, an evaluation and a rendering leave it; its maps have a share `wrong` of wrong pixels."""
    params = {"seed": 0, "pix2pix": {"lambda_l1": lambda_l1, "epochs": 3}}
    (folder / "params.yaml").write_text(f"seed: 0\npix2pix:\n  lambda_l1: {lambda_l1}\n  epochs: 3\n")
    data = tracking.Dataset("maps", "ab" * 32, "download")
    best_by = tracking.BestBy("val_mean_iou", True, 100)
    tracker = tracking.start_run(
        "pix2pix", params=params, dataset=data, training=str(lambda_l1), tags={}, best_by=best_by
    )
    for step in range(10, 301, 10):
        tracker.metrics({"loss_d": 0.7 - step / 1000, "loss_l1": lambda_l1 / step}, step)
    for epoch, iou in enumerate((0.3, 0.6 - wrong, 0.5 - wrong), start=1):
        tracker.metrics({"val_mean_iou": iou, "val_mae": 30 * wrong}, 100 * epoch)
        tracker.image(Image.new("RGB", (96, 96), colour), "samples", 100 * epoch)
    score = np.array([0.6 - wrong, *(0.6 - wrong + np.random.default_rng(int(lambda_l1)).normal(0, 0.01, 100))])
    tracker.model(
        small_model(folder),
        EXAMPLE,
        "model",
        ValidationScore("mean_iou", True, {"n": 96}, "download", "", score),
    )
    drawn = np.where(np.random.default_rng(7).random(REAL.shape[:3])[..., None] < wrong, REAL[::-1], REAL)
    frame = translation.per_image(drawn, REAL, legend=classes.MAPS)
    rows = translation.with_noise(frame, multiplicities(len(frame), 0))
    about = {"n": 30, "size": 16, "test_data": "abc"}
    key = judged("pix2pix", n=30, size=16, test_images="abc", direction="aerial2map", checkpoint="best")
    table = {"judged": key, "about": about, "rows": {"model": rows, "constant": {"mean_iou": (0.1, 0.01)}}}
    frame.to_csv(folder / "pix2pix_images.csv", index_label="image")
    Image.new("RGB", (300, 400), colour).save(folder / "pix2pix_pairs.png")
    tracker.tag(tracking.WEIGHTS_TAG, str(lambda_l1))
    tracker.finish("FINISHED")
    assert tracker.run_id
    log_evaluation(
        "pix2pix",
        json.loads(json.dumps(table)),
        str(lambda_l1),
        config.load_params(ROOT / "params.yaml"),
        {folder / "pix2pix_images.csv": "metrics", folder / "pix2pix_pairs.png": "figures"},
        then=lambda client: standings.publish_standings(client, "pix2pix"),
    )
    return tracker.run_id


def git(folder: Path, *command: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two runs: as committed, and a DVC experiment that is better."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "params.yaml").write_text("seed: 0\npix2pix:\n  lambda_l1: 100.0\n  epochs: 3\n")
    (folder / ".gitignore").write_text("*\n!params.yaml\n")
    git(folder, "init", "-q")
    git(folder, "add", "params.yaml")
    git(folder, "commit", "-qm", "first")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DVC_ROOT", str(folder))
        patch.setenv("MLFLOW_TRACKING_URI", "")  # noted, so that what MLflow sets is undone
        patch.delenv("MLFLOW_TRACKING_URI")
        logged(folder, 100.0, 0.3, "tan")
        patch.setenv("DVC_EXP_NAME", "brave-llama")
        logged(folder, 50.0, 0.2, "teal")
        patch.delenv("DVC_EXP_NAME")
        from_a_stranger(folder)
    return folder


def from_a_stranger(folder: Path) -> None:
    """A run of another experiment, whose parameters, data and user have hostile names."""
    committed = (folder / "params.yaml").read_text()
    pairs = {"folder": NAMES[0], "direction": NAMES[1]}
    (folder / "params.yaml").write_text(f"{committed}pairs: {json.dumps(pairs)}\n")
    data = tracking.Dataset("maps", "ab" * 32, NAMES[3][:20])
    tags = {"mlflow.user": NAMES[4]}
    tracker = tracking.start_run("cvae", params={"pairs": pairs}, dataset=data, training="its", tags=tags)
    tracker.finish("FINISHED")
    (folder / "params.yaml").write_text(committed)


@pytest.fixture(scope="module")
def ui(project: Path) -> Iterator[str]:
    """The address of what `make ui` starts."""
    (recipe,) = re.findall(r"^ui:.*\n\t(.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    command, *words = shlex.split(recipe)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with (project / "ui.log").open("w") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name(command), *words, "--port", port],
            cwd=project,
            env=os.environ | {"DVC_ROOT": str(project)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 180
            while not answers(f"{address}/health"):
                assert server.poll() is None, (project / "ui.log").read_text()
                assert time.monotonic() < deadline, (project / "ui.log").read_text()
                time.sleep(0.2)
            yield address
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(30)


def answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
        return answer.status == 200
    return False


@pytest.fixture
def picture(page: Page, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[None]:
    page.set_viewport_size({"width": 1400, "height": 3200})  # MLflow draws what is in sight only
    page.set_default_timeout(60_000)  # a page of MLflow's takes 1 to 2 seconds, on a busy machine many
    expect.set_options(timeout=60_000)
    yield
    page.screenshot(path=tmp_path_factory.getbasetemp() / f"{request.node.name}.png")


@pytest.fixture
def found(project: Path) -> tuple[str, list[str]]:
    """The experiment's id and its two runs', the older first."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("pix2pix").experiment_id
    runs = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
    return experiment, [run.info.run_id for run in runs if "mlflow.parentRunId" not in run.data.tags]


@pytest.mark.usefixtures("picture")
def test_the_first_page_says_which_run_is_best_and_all_about_it(page: Page, ui: str, project: Path) -> None:
    """At the address that `make ui` prints, without choosing a column."""
    printed = re.search(rf"^pix2pix +({ui}\S+)$", (project / "ui.log").read_text(), re.MULTILINE)
    assert printed
    page.goto(printed[1])
    first = 'Best: "lambda_l1=50.0 (brave-llama)", validation mean class IoU'
    expect(page.get_by_text(first).first).to_be_visible()
    expect(page.get_by_text("more than noise").first).to_be_visible()
    for column in ("selected/val_mean_iou", "selected/val_mean_iou_pm", "test/mean_iou", "pix2pix.lambda_l1"):
        expect(page.get_by_role("columnheader", name=column, exact=True).first).to_be_visible()
    page.locator("[data-component-id='mlflow.experiment.metadata_editor.expand_button']").click()
    for text in ("dvc exp apply brave-llama", "100.0 (50.0)", "one constant colour", "ganflow compare "):
        expect(page.get_by_text(text).first).to_be_visible()
    shown = page.locator(f"img[src*='{standings.PICTURE}']")
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") == 2 * standings.WIDTH + 10


@pytest.mark.usefixtures("picture")
def test_the_experiment_lists_runs_by_what_differs(page: Page, ui: str, found: tuple[str, list[str]]) -> None:
    page.goto(f"{ui}/#/experiments/{found[0]}/runs")
    expect(page.get_by_text("lambda_l1=50.0 (brave-llama)").first).to_be_visible()
    expect(page.get_by_text("as in ").first).to_be_visible()


@pytest.mark.usefixtures("picture")
def test_a_run_shows_its_picture_and_how_to_make_it_again(page: Page, ui: str, found: tuple[str, list[str]]) -> None:
    experiment, (_, run) = found
    page.goto(f"{ui}/#/experiments/{experiment}/runs/{run}")
    expect(page.get_by_text("dvc exp run -S pix2pix.lambda_l1=50.0 train_pix2pix").first).to_be_visible()
    page.get_by_text("Show more", exact=True).first.click()
    shown = page.locator("img[src*='samples.png']")  # MLflow drops the alternative text
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.naturalWidth") == 96
    shown.scroll_into_view_if_needed()
    for text in ("selected/val_mean_iou", "selected/epoch", "pix2pix.epochs", "maps"):
        expect(page.get_by_text(text, exact=False).first).to_be_visible()


@pytest.mark.usefixtures("picture")
def test_names_on_mlflows_pages_are_no_scripts(page: Page, ui: str, project: Path) -> None:
    import mlflow

    page.add_init_script("window.hits = 0; window.hit = window.alert = () => { window.hits += 1; };")
    client = mlflow.MlflowClient(f"sqlite:///{project}/mlflow.db")
    experiment = client.get_experiment_by_name("cvae").experiment_id
    (run,) = client.search_runs([experiment])
    page.goto(f"{ui}/#/experiments/{experiment}/runs/{run.info.run_id}")
    page.get_by_text("Show more", exact=True).first.click()
    described = page.get_by_role("listitem").filter(has_text="in the commit")
    for name in NAMES[:2]:
        expect(described.filter(has_text=name).first).to_be_visible()
    assert page.evaluate("window.hits") == 0
    assert page.locator("img[onerror], a[href^='javascript']").count() == 0


@pytest.mark.usefixtures("picture")
def test_pictures_have_a_slider_over_steps(page: Page, ui: str, found: tuple[str, list[str]]) -> None:
    experiment, (_, run) = found
    page.goto(f"{ui}/#/experiments/{experiment}/runs/{run}/model-metrics")
    expect(page.get_by_text("val_mean_iou").first).to_be_visible()
    expect(page.get_by_text("samples", exact=True).first).to_be_visible()
    # From the first picture's step to the last one's.
    expect(page.locator("[role=slider][aria-valuemin='100'][aria-valuemax='300']").first).to_be_attached()


@pytest.mark.usefixtures("picture")
def test_the_registry_shows_the_champion_and_why(page: Page, ui: str) -> None:
    page.goto(f"{ui}/#/models/pix2pix")
    expect(page.get_by_text("champion").first).to_be_visible()
    page.goto(f"{ui}/#/models/pix2pix/versions/2")
    expect(page.get_by_text("Better than the champion's").first).to_be_visible()


@pytest.mark.usefixtures("picture")
def test_mlflow_compares_the_two(page: Page, ui: str, found: tuple[str, list[str]]) -> None:
    experiment, runs = found
    both = "%5B" + "%2C".join(f"%22{run}%22" for run in runs) + "%5D"
    page.goto(f"{ui}/#/compare-runs?runs={both}&experiments=%5B%22{experiment}%22%5D")
    for text in ("lambda_l1=50.0 (brave-llama)", "pix2pix.lambda_l1", "selected/val_mean_iou"):
        expect(page.get_by_text(text, exact=False).first).to_be_visible()


@pytest.mark.parametrize("light", ["light", "dark"])
def test_the_page_of_a_comparison(
    page: Page,
    project: Path,
    found: tuple[str, list[str]],
    light: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.setattr("sys.argv", ["ganflow", "compare", found[1][0][:10], "brave-llama"])
    main()
    page.emulate_media(color_scheme=light)
    page.goto((project / "compare.html").as_uri())
    expect(page.get_by_text("B is better").first).to_be_visible()
    expect(page.get_by_text("On 30 test images: mean class IoU")).to_be_visible()
    expect(page.get_by_text("is the same in both commits")).to_be_visible()
    row = page.locator("tr", has_text="pix2pix.lambda_l1")
    assert row.locator("td").all_inner_texts() == ["100.0", "50.0"]
    assert page.locator("tr", has_text="mean class IoU").first.inner_text().split("\t")[5:] == ["better", "0.100"]
    sizes = page.locator("img").evaluate_all("images => images.map(image => image.naturalWidth)")
    assert len(sizes) == 6, "dots, curves, two pairs of pictures"
    assert min(sizes) > 0
    page.screenshot(path=tmp_path_factory.getbasetemp() / f"compare_{light}.png", full_page=True)
