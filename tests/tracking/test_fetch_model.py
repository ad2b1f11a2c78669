"""The folder of a model out of the store, and what of it is refused."""

from pathlib import Path

import pytest

from ganflow.errors import UserError
from ganflow.tracking import store
from ganflow.tracking.fetch_model import fetch_model


def test_a_model_that_a_kill_left_half_written_is_none(tmp_path: Path) -> None:
    client = store.client()
    experiment = store.experiment(client, "pix2pix")
    run = client.create_run(experiment, run_name="killed").info.run_id
    client.create_logged_model(experiment, "model", source_run_id=run)
    for place in (tmp_path / "mlruns").glob("pix2pix/models/*"):
        (place / "artifacts/data/model").mkdir(parents=True)
        (place / "artifacts/data/model/config.json").write_text("{}")
    with pytest.raises(UserError, match=rf"run {run[:12]} has no model \(yet\)"):
        fetch_model(run, ["pix2pix"])


def test_a_version_without_a_run_is_refused_in_one_line(tmp_path: Path) -> None:
    client = store.client()
    client.create_registered_model("pix2pix")
    client.create_model_version("pix2pix", (tmp_path / "elsewhere").as_uri())
    with pytest.raises(UserError, match="models:/pix2pix/1 was registered by hand"):
        fetch_model("models:/pix2pix/1", ["pix2pix"])
