"""Stage download_mnist: the four MNIST files, each verified by its sha256."""

from pathlib import Path

from ganflow import config
from ganflow.data import fetch
from ganflow.files import whole_dir
from ganflow.pipeline.stage import run_stage

OUT = Path("data/raw/mnist")


def main() -> None:
    if config.load_params().data.source == "download":
        fetch.fetch_mnist(fetch.read_manifest(Path("data/manifests/mnist.sha256")), OUT)
        return
    with whole_dir(OUT) as partial:
        (partial / "GENERATED.txt").write_text(
            "data.source is generated: prepare_mnist draws the digits itself.\n", encoding="utf-8"
        )


if __name__ == "__main__":
    run_stage(main)
