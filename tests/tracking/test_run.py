"""The tracking store for real: SQLite in a temporary folder, and servers that are down or silent."""

import contextlib
import errno
import itertools
import os
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import forks
import new_stores
import pytest
from PIL import Image
from small_model import EXAMPLE, small_model

from ganflow.errors import UserError
from ganflow.tracking import run as tracking
from ganflow.tracking.reading import list_runs, open_store
from ganflow.tracking.run import Dataset, Tracker, start_run

DATA = Dataset("maps", "ab" * 32, "generated")
PARAMS = {"seed": 0, "pix2pix": {"lambda_l1": 100.0}}
SRC = Path(__file__).parents[2] / "src"


def begin(training: str = "a training") -> Tracker:
    return start_run("pix2pix", params=PARAMS, dataset=DATA, training=training, tags={"note": "test"})


def client(tmp_path: Path):
    import mlflow

    return mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")


def curves(tmp_path: Path, run_id: str | None) -> dict[str, float]:
    """The last values, without those of the machine."""
    metrics = client(tmp_path).get_run(run_id).data.metrics
    return {key: value for key, value in metrics.items() if not key.startswith("system/")}


def test_a_run_holds_parameters_data_curves_pictures_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "brave-llama")
    monkeypatch.setenv("DVC_STAGE", "train_pix2pix")
    tracker = begin()
    for step in range(1, 201):
        tracker.metrics({"loss_d": 1 / step}, step)
    tracker.image(Image.new("RGB", (32, 32)), "samples", 100)
    (tmp_path / "history.csv").write_text("step\n1\n")
    tracker.file(tmp_path / "history.csv", "history")
    tracker.tag(tracking.WEIGHTS_TAG, "cd" * 32)
    tracker.finish("FINISHED")

    store = client(tmp_path)
    run = store.get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name.endswith(" (brave-llama)")
    assert run.data.params == {"seed": "0", "pix2pix.lambda_l1": "100.0"}
    assert run.data.tags["dvc.stage"] == "train_pix2pix"
    assert run.data.tags["ganflow.data_sha256"] == DATA.digest
    assert run.inputs.dataset_inputs[0].dataset.name == "maps"
    assert [point.step for point in store.get_metric_history(tracker.run_id, "curves/loss_d")] == list(range(1, 201))
    assert [artifact.path for artifact in store.list_artifacts(tracker.run_id, "history")] == ["history/history.csv"]
    assert run.info.artifact_uri.startswith((tmp_path / "mlruns").as_uri())
    assert list((tmp_path / "mlruns").rglob("samples*step*100*.png"))
    assert {"system/cpu_utilization_percentage", "system/system_memory_usage_megabytes"} <= run.data.metrics.keys()
    note = run.data.tags["mlflow.note.content"]
    assert f"![The newest samples](get-artifact?path=samples.png&run_uuid={tracker.run_id})" in note
    assert run.data.tags["ganflow.remake"] in " && ".join(
        line.strip() for line in note.splitlines() if line[:4] == "    "
    )


def test_a_resumed_run_logs_no_point_or_picture_twice(tmp_path: Path) -> None:
    first = begin()
    for step in range(1, 61):
        first.metrics({"loss_d": 1 / step}, step)
    first.image(Image.new("RGB", (8, 8)), "samples", 50)
    first.finish("KILLED")
    second = begin()
    assert second.run_id == first.run_id
    for step in range(41, 81):
        second.metrics({"loss_d": 1 / step}, step)
    for step in (50, 70):
        second.image(Image.new("RGB", (8, 8)), "samples", step)
    second.finish("FINISHED")
    store = client(tmp_path)
    assert [point.step for point in store.get_metric_history(first.run_id, "curves/loss_d")] == list(range(1, 81))
    assert len([a for a in store.list_artifacts(first.run_id, "images") if a.path.endswith(".png")]) == 2
    assert store.get_run(first.run_id).info.status == "FINISHED"


def test_a_clock_that_jumps_harms_no_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set an hour back and forth while a run is written and gone on with: what is newest is told by steps."""
    jumps, clock = itertools.cycle((0, -3600, 3600)), time.time
    monkeypatch.setattr(time, "time", lambda: clock() + next(jumps))
    best_by = tracking.BestBy("val_mae", False, 10)
    for first, last in ((1, 40), (31, 60)):
        tracker = start_run("pix2pix", params=PARAMS, dataset=DATA, training="it", tags={}, best_by=best_by)
        for step in range(first, last + 1):
            tracker.metrics({"loss_d": 1 / step} | ({"val_mae": 9 / step} if step % 10 == 0 else {}), step)
        tracker.finish("FINISHED")
    assert [run.info.run_id for run in client(tmp_path).search_runs(["1"])] == [tracker.run_id]
    points = client(tmp_path).get_metric_history(tracker.run_id, "curves/loss_d")
    assert sorted((point.step, point.value) for point in points) == [(step, 1 / step) for step in range(1, 61)]
    with open_store() as store:
        (run,) = list_runs(store)
        assert run.curve("loss_d").index.tolist() == list(range(1, 61))
    found = curves(tmp_path, tracker.run_id)
    assert (found["curves/loss_d"], found["selected/val_mae"], found["selected/epoch"]) == (1 / 60, 9 / 60, 6)


def test_a_picture_killed_before_its_thumbnail_is_logged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    log_artifact = MlflowClient.log_artifact

    def no_thumbnail(self: MlflowClient, run_id: str, path: str, *folder: str) -> None:
        return 1 / 0 if path.endswith(".webp") else log_artifact(self, run_id, path, *folder)

    with monkeypatch.context() as killed:
        killed.setattr(MlflowClient, "log_artifact", no_thumbnail)
        first = begin()
        first.image(Image.new("RGB", (8, 8)), "samples", 50)
        first.finish("KILLED")
    for _ in range(2):
        second = begin()
        for step in (50, 70):
            second.image(Image.new("RGB", (8, 8)), "samples", step)
        second.finish("FINISHED")
    names = [Path(a.path) for a in client(tmp_path).list_artifacts(second.run_id, "images")]
    thumbnails = sorted(name.stem for name in names if name.suffix == ".webp")
    pictures = sorted(name.stem for name in names if name.suffix == ".png")
    assert [name.split("+")[2] for name in thumbnails] == ["50", "70"]
    assert [name.split("+")[2] for name in pictures] == ["50", "50", "70"], "of the first there is no thumbnail"
    assert {name.removesuffix("+compressed") for name in thumbnails} <= set(pictures)


def test_a_model_killed_half_way_is_removed_and_logged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    for step in ("log_outputs", "log_model_artifacts", "finalize_logged_model"):
        with monkeypatch.context() as killed:
            killed.setattr(MlflowClient, step, lambda *_, **__: 1 / 0)
            first = begin()
            first.model(small_model(tmp_path), EXAMPLE, "model")
            first.finish("KILLED")
    for _ in range(2):
        last = begin()
        last.model(small_model(tmp_path), EXAMPLE, "model")
        last.finish("FINISHED")
    run = client(tmp_path).get_run(last.run_id)
    (logged,) = client(tmp_path).search_logged_models([run.info.experiment_id])
    assert logged.status == "READY"
    assert logged.model_id in [output.model_id for output in run.outputs.model_outputs]
    (version,) = client(tmp_path).search_model_versions("name = 'pix2pix'")
    assert version.source == f"models:/{logged.model_id}"


def test_a_run_ends_also_where_something_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No room for temporary files, say: it would be RUNNING for ever."""
    tracker = begin()
    monkeypatch.setattr("ganflow.tracking.run.tempfile.TemporaryDirectory", lambda: 1 / 0)
    tracker.image(Image.new("RGB", (8, 8)), "samples", 1)
    tracker.metrics({"loss_d": 1.0}, 1)
    tracker.finish("FINISHED")
    assert client(tmp_path).get_run(tracker.run_id).info.status == "FINISHED"
    assert capsys.readouterr().err.count("tracking is off") == 1


def test_a_model_for_which_there_is_no_temporary_folder_costs_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/tmp")

    tracker = begin()
    monkeypatch.setattr("ganflow.tracking.run.tempfile.TemporaryDirectory", full)
    tracker.model(small_model(tmp_path), EXAMPLE, "model")
    tracker.finish("FINISHED")
    assert client(tmp_path).get_run(tracker.run_id).info.status == "FINISHED"
    (line,) = capsys.readouterr().err.splitlines()
    assert "tracking is off from here on: the disk is full (" in line


def test_an_experiment_deleted_on_a_page_is_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = begin()
    first.finish("FINISHED")
    store = client(tmp_path)
    store.delete_experiment(store.get_experiment_by_name("pix2pix").experiment_id)
    second = begin("another")
    second.finish("FINISHED")
    assert capsys.readouterr().err.splitlines() == [
        "runs: the experiment pix2pix had been deleted in MLflow; it and its runs are restored"
    ]
    assert {store.get_run(run.run_id).info.lifecycle_stage for run in (first, second)} == {"active"}


def test_a_run_that_was_deleted_is_begun_anew(tmp_path: Path) -> None:
    first = begin()
    first.finish("KILLED")
    client(tmp_path).delete_run(first.run_id)
    second = begin()
    second.metrics({"loss_d": 1.0}, 1)
    second.finish("FINISHED")
    assert second.run_id
    assert second.run_id != first.run_id
    assert curves(tmp_path, second.run_id) == {"curves/loss_d": 1.0}


def test_a_run_that_nobody_could_note_down_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed right after it was created: no second run, and the first is described in full."""
    with monkeypatch.context() as killed:
        killed.setattr(tracking, "_describe", lambda *_: 1 / 0)
        begin().finish("KILLED")
    found = begin()
    found.finish("FINISHED")
    (run,) = client(tmp_path).search_runs([client(tmp_path).get_run(found.run_id).info.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "0", "pix2pix.lambda_l1": "100.0"}
    assert len(run.inputs.dataset_inputs) == 1


def test_the_best_values_stand_beside_the_last_also_after_a_resumption(tmp_path: Path) -> None:
    by = tracking.BestBy("val_mean_iou", True, epoch_steps=10)
    validated = [(10, 0.25, 9.0), (20, 0.5, 7.0), (30, 0.5, 6.0), (40, 0.375, 5.0)]  # of equal ones the earlier
    run_id = None
    for upto in (2, 4):  # the second process offers the points of the first again
        tracker = start_run("pix2pix", params=PARAMS, dataset=DATA, training="best", tags={}, best_by=by)
        for step, iou, mae in validated[:upto]:
            tracker.metrics({"val_mean_iou": iou, "val_mae": mae, "loss_d": 1.0}, step)
            tracker.metrics({"loss_d": 1.0}, step + 5)
        tracker.finish("KILLED")
        run_id = tracker.run_id
    found = curves(tmp_path, run_id)
    assert {key: value for key, value in found.items() if key.startswith("selected/")} == {
        "selected/val_mean_iou": 0.5,
        "selected/val_mae": 7.0,
        "selected/epoch": 2.0,
    }
    assert found["curves/val_mean_iou"] == 0.375
    history = client(tmp_path).get_metric_history(run_id, "selected/val_mean_iou")
    assert [(point.step, point.value) for point in history] == [(10, 0.25), (20, 0.5)]


def test_a_machine_that_cannot_be_measured_costs_no_curve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def whim(system_sampler: object) -> dict[str, float]:
        raise RuntimeError("driver")

    monkeypatch.setattr("ganflow.tracking.machine.SystemSampler.sample", whim)
    tracker = begin()
    tracker.metrics({"loss_d": 1.0}, 1)
    tracker.finish("FINISHED")
    run = client(tmp_path).get_run(tracker.run_id)
    assert (run.data.metrics, run.info.status) == ({"curves/loss_d": 1.0}, "FINISHED")
    assert capsys.readouterr().err == ""


def test_the_machine_is_measured_while_the_training_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganflow.tracking.machine.SECONDS", 0.05)
    tracker = begin()
    time.sleep(0.5)
    tracker.finish("KILLED")
    key = "system/cpu_utilization_percentage"
    before = [point.step for point in client(tmp_path).get_metric_history(tracker.run_id, key)]
    assert len(before) >= 2
    second = begin()
    second.finish("FINISHED")
    steps = [point.step for point in client(tmp_path).get_metric_history(tracker.run_id, key)]
    assert steps == list(range(1, len(steps) + 1)), "a resumption goes on counting"
    assert len(steps) > len(before)


def test_a_model_that_cannot_be_logged_is_one_line_and_no_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = begin()
    tracker.model(tmp_path / "nothing", EXAMPLE, "model")
    tracker.finish("FINISHED")
    assert capsys.readouterr().err.count("tracking is off") == 1


SCRIPT = """
import os
from PIL import Image
from ganflow.tracking.run import Dataset, start_run
data = Dataset("mnist", "00", "generated")
tracker = start_run("gan", params={"seed": 0}, dataset=data, training=str(os.getpid()), tags={})
for step in range(1, 51):
    tracker.metrics({"loss": 1.0}, step)
tracker.image(Image.new("L", (8, 8)), "samples", 50)
tracker.finish("FINISHED")
print(tracker.run_id)
"""


def process(tmp_path: Path, **variables: str) -> forks.Fork:
    """Which makes the tables of a store itself: it does not copy those of the first store of the tests."""
    script = tmp_path / "training.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"PYTHONPATH": str(SRC), "DVC_ROOT": str(tmp_path)} | variables
    environment.pop(new_stores.TEMPLATE)
    return forks.Fork([str(script)], tmp_path, environment)


def test_processes_that_start_at_once_share_a_fresh_store(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(process(tmp_path)) for _ in range(3)]
        answers = [one.done(timeout=120) for one in processes]
    assert [answer.returncode for answer in answers] == [0, 0, 0], answers
    runs = {answer.stdout.strip() for answer in answers}
    assert len(runs) == 3
    for run_id in runs:
        assert len(client(tmp_path).get_metric_history(run_id, "curves/loss")) == 50


def test_a_kill_while_the_store_is_made_leaves_no_broken_store(tmp_path: Path) -> None:
    fresh = tmp_path / ".mlflow.db.fresh"
    with process(tmp_path):
        deadline = time.monotonic() + 60
        while not fresh.exists() and time.monotonic() < deadline:
            time.sleep(0.005)
    assert fresh.exists(), "it was to be killed half-way"
    assert not (tmp_path / "mlflow.db").exists()
    tracker = begin()
    tracker.finish("FINISHED")
    assert client(tmp_path).get_run(tracker.run_id).info.status == "FINISHED"


@pytest.mark.parametrize("listening", [False, True], ids=["down", "silent"])
def test_a_server_that_is_down_or_silent_costs_seconds_and_one_line(tmp_path: Path, listening: bool) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listening:
            server.listen(100)
        began = time.monotonic()
        with process(tmp_path, MLFLOW_TRACKING_URI=f"http://127.0.0.1:{server.getsockname()[1]}") as one:
            done = one.done(timeout=120)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "MLflow tracking is off from here on" in done.stderr
    assert time.monotonic() - began < 45


def zeros_in(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:5000] + bytes(90_000) + content[95_000:])


def by_sql(*statements: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        with contextlib.closing(sqlite3.connect(file)) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()

    return change


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


FOREIGN = by_sql("PRAGMA foreign_keys = OFF", "DROP TABLE experiments", "CREATE TABLE experiments (a)")
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no database": (lambda file: file.write_bytes(b"whatever its name says" * 100), "file is not a database"),
    "cut": (lambda file: os.truncate(file, file.stat().st_size // 2), "database disk image is malformed"),
    "zeros": (zeros_in, "malformed"),
    "a folder": (a_folder, "unable to open database file"),
    "of another MLflow": (by_sql("UPDATE alembic_version SET version_num = '0123'"), "mlflow db upgrade sqlite"),
    "without runs": (by_sql("DROP TABLE runs"), "no such "),
    "of another program": (FOREIGN, "no such column: experiment_id"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_store_is_one_line_that_names_the_cause_and_no_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    """For a training, which goes on, and for whoever looks. MLflow has not opened it before in this process."""
    tracking.store._make(tmp_path / "mlflow.db")
    broken, expected = BROKEN[how]
    broken(tmp_path / "mlflow.db")
    with pytest.raises(UserError) as fault, open_store() as looking:
        list_runs(looking)
    tracker = begin()
    tracker.metrics({"loss": 1.0}, 1)
    tracker.finish("FINISHED")
    assert tracker.run_id is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: MLflow tracking is off from here on: ")
    for said in (line, str(fault.value)):
        assert expected in said
        assert "\n" not in said


def test_a_run_names_the_run_that_it_builds_on(tmp_path: Path) -> None:
    """By its training or by its weights; of several, the newest. One that this store has not is no parent."""
    first = []
    for training in ("one", "two"):
        tracker = begin(training)
        tracker.tag(tracking.WEIGHTS_TAG, "ab" * 32)
        tracker.finish("FINISHED")
        first.append(tracker.run_id)
    parents = (
        {"ganflow.training": "one"},
        {"ganflow.best": "ab", tracking.WEIGHTS_TAG: "ab" * 32},
        {"ganflow.best": "x"},
    )
    for number, (parent, expected) in enumerate(zip(parents, (*first, None), strict=True)):
        tracker = start_run("cvae", params=PARAMS, dataset=DATA, training=f"on {number}", tags={}, parent=parent)
        tracker.finish("FINISHED")
        assert tracker.parent == expected
        assert client(tmp_path).get_run(tracker.run_id).data.tags.get(tracking.PARENT_TAG) == expected
