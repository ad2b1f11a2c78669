"""Stage download_maps: the pairs of aerial photo and map, each verified by its sha256."""

from pathlib import Path

from ganflow import config
from ganflow.data import fetch
from ganflow.files import whole_dir
from ganflow.pipeline.stage import run_stage

OUT = Path("data/raw/maps")


def main() -> None:
    params = config.load_params()
    if params.data.source == "download":
        manifest = fetch.read_manifest(Path("data/manifests/maps.sha256"))
        fetch.fetch_maps(manifest, OUT, params.maps.test_pairs)
        return
    with whole_dir(OUT) as partial:
        (partial / "GENERATED.txt").write_text(
            "data.source is generated: prepare_maps draws the towns itself.\n", encoding="utf-8"
        )


if __name__ == "__main__":
    run_stage(main)
