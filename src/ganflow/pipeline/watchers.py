"""The watchers: modules that only observe, report or coordinate. No edit of them can change a byte of an out.

dvc.yaml lists every other module that a stage imports among its deps, and a checkpoint belongs to the same ones. Two
tests check this list: tests/stages/test_pipeline.py against dvc.yaml, tests/stages/test_watchers.py against the bytes.
"""

WATCHERS = (
    "comparison",  #           verdicts, which go to MLflow and to people
    "config",  #               bounds; the values themselves are DVC's params
    "errors",
    "pipeline",
    "tracking",
    "training.checkpoint",  #  it restores exactly what was saved
    "training.lifetime",
    "training.progress",
)


def matters(module: str) -> bool:
    """Whether `module` ("ganflow.training.loop") can change the bytes of an out."""
    return not any(f"{module}.".startswith(f"ganflow.{watcher}.") for watcher in WATCHERS)
