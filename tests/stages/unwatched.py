"""Stages run one after the other in this process, with nothing in the place of every watcher (pipeline/watchers.py).

    python tests/stages/unwatched.py STAGE [STAGE ...]

In the current folder, as DVC would run them. test_watchers.py holds what they make against what the real stages made.
"""

import runpy
import sys
import types
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ganflow import config
from ganflow.pipeline.watchers import matters

STAGES = Path(__file__).parents[2] / "stages"


class AnyAttribute(type):
    """Of a class: its methods, as of its instances, do nothing."""

    def __getattr__(cls, name: str) -> "Nothing":
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()


class Nothing(metaclass=AnyAttribute):
    """Takes every call, attribute and `with`, does nothing, and is false."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __call__(self, *_: object, **__: object) -> "Nothing":
        return self

    def __getattr__(self, name: str) -> "Nothing":
        return self

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *_: object) -> None: ...

    def __bool__(self) -> bool:
        return False

    def __iter__(self) -> Any:
        return iter(())


class FaultError(Exception):
    """In the place of UserError and Stopped."""


class Checkpoints(Nothing):
    """Keeps the pictures of the epochs, which are outs, and no state."""

    def __init__(self, stage: str, *_: object, **__: object) -> None:
        self.folder = Path("kept") / stage
        self.samples = self.folder / "samples"


OWN: dict[tuple[str, str], Any] = {
    ("ganflow.errors", "UserError"): FaultError,
    ("ganflow.training.lifetime", "Stopped"): FaultError,
    ("ganflow.training.checkpoint", "Checkpoints"): Checkpoints,
    ("ganflow.pipeline.stage", "run_stage"): lambda main: main(),
}


class NothingModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return OWN.get((self.__name__, name)) or (type(name, (Nothing,), {}) if name[0].isupper() else Nothing())


class InPlaceOfWatchers(MetaPathFinder, Loader):
    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        real = name == "ganflow.config" or name.startswith("ganflow.pipeline.watchers")
        if not name.startswith("ganflow.") or matters(name) or real:
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return NothingModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None: ...


def without_bounds(kind: type[config.Section], content: dict[str, Any]) -> Any:
    """`content` as a section, no type or bound looked at."""
    fields = {name: field.annotation for name, field in kind.model_fields.items()}
    return kind.model_construct(
        **{
            name: without_bounds(fields[name], value) if isinstance(value, dict) else value  # type: ignore[arg-type]
            for name, value in content.items()
        }
    )


def main() -> None:
    for name in [name for name in sys.modules if name.startswith("ganflow.") and name != "ganflow.config"]:
        del sys.modules[name]
    sys.meta_path.insert(0, InPlaceOfWatchers())
    parameters = YAML(typ="safe", pure=True).load(Path("params.yaml").read_text())
    config.load_params = lambda *_: without_bounds(config.Params, parameters)
    for stage in sys.argv[1:]:
        runpy.run_path(str(STAGES / f"{stage}.py"), run_name="__main__")


if __name__ == "__main__":
    main()
