"""Train, evaluate and compare GANs; `load` a trained model and use it:

model = ganflow.load("models/pix2pix/best")
map = model("photo.jpg")  # a path, a PIL image or an array
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganflow.find_model import load

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    # Late, so that `import ganflow` costs nothing.
    if name == "load":
        from ganflow.find_model import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
