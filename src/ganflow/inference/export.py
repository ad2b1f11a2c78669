"""A trained model as one file for other programs: ONNX, or PyTorch's pt2, with its ranges inside."""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from ganflow.data.kinds import Kind
from ganflow.errors import UserError
from ganflow.files import whole_file
from ganflow.inference.model import DigitModel, TranslationModel
from ganflow.models.cvae import ConditionalVae
from ganflow.models.cyclegan import CycleGenerators
from ganflow.models.dcgan import with_classes

EXTRA = "pip install -c constraints.txt -e '.[export]'"


@dataclass(frozen=True)
class Exportable:
    """A network as it is exported: what goes in, by name, with examples; `use`: both ends in words."""

    network: nn.Module
    inputs: dict[str, Tensor]
    dynamic: dict[str, dict[int, Any]]  # which dimensions of an input may have another length
    output: str
    use: str


def export_model(model: TranslationModel | DigitModel, path: Path, file_format: str) -> str:
    """Write `model` to `path` as "onnx" or "pt2". Returns what goes in and what comes out, for people.

    The file also holds config.json: in ONNX as metadata, in pt2 as an extra file.

    Raises:
        UserError: ONNX is asked for, and its packages are not installed.
    """
    if file_format == "onnx" and not find_spec("onnxscript"):  # which torch.onnx needs
        raise UserError(f"ONNX needs the extra `export`: {EXTRA}")
    interface = _of_translator(model) if isinstance(model, TranslationModel) else _of_digits(model)
    program = torch.export.export(
        interface.network.eval(), tuple(interface.inputs.values()), dynamic_shapes=tuple(interface.dynamic.values())
    )
    about = json.dumps({"use": interface.use, **model.config}, sort_keys=True)
    with whole_file(path) as partial:
        if file_format == "onnx":
            _write_onnx(partial, program, interface, about)
        else:
            _write_pt2(partial, program, about)
    return interface.use


class _Translator(nn.Module):
    """A translator from values to values, as in the users' files but for labels, which are colours of classes."""

    def __init__(self, model: TranslationModel) -> None:
        super().__init__()
        self.network = model.network
        self.takes, self.gives = _bounds(model.takes), _bounds(model.gives)
        self.bytes = model.gives.is_eight_bits

    def forward(self, pictures: Tensor, noise: Tensor | None = None) -> Tensor:
        low, high = self.takes
        images = (pictures.permute(0, 3, 1, 2).float() - low) * (2 / (high - low)) - 1
        drawn = self.network(images) if noise is None else self.network(images, noise)
        low, high = self.gives
        values = ((drawn.clamp(-1, 1) + 1) * ((high - low) / 2) + low).permute(0, 2, 3, 1)
        return values.round().to(torch.uint8) if self.bytes else values


class _Digits(nn.Module):
    """A digit generator from latents, and digits to draw, to bytes."""

    def __init__(self, model: DigitModel) -> None:
        super().__init__()
        self.network, self.classes = model.network, model.classes

    def forward(self, latent: Tensor, digit: Tensor | None = None) -> Tensor:
        drawn = self.network(latent if digit is None else with_classes(latent, digit, self.classes))
        return ((drawn.squeeze(1).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def _of_translator(model: TranslationModel) -> Exportable:
    network, takes = model.network, model.takes
    match network:
        case ConditionalVae():
            stride = network.generator.stride
        case CycleGenerators():
            stride = network.there.stride
        case _:
            stride = network.stride
    # Unequal sides, more than one: torch would take equal or single lengths for constants.
    shape = 2, 2 * stride, 3 * stride, takes.channels
    pictures = torch.zeros(shape, dtype=torch.uint8 if takes.is_eight_bits else torch.float32)
    count = Dim("n")
    inputs = {"pictures": pictures}
    dynamic = {"pictures": {0: count, 1: stride * Dim("rows"), 2: stride * Dim("columns")}}
    use = f"pictures: {_said(takes)}, height and width multiples of {stride}"
    if isinstance(network, ConditionalVae):
        inputs["noise"] = torch.zeros(2, network.latent_dim)
        dynamic["noise"] = {0: count}
        use += f"; noise: float32 [N, {network.latent_dim}], from N(0, 1)"
    return Exportable(_Translator(model), inputs, dynamic, "translated", f"{use} -> translated: {_said(model.gives)}")


def _of_digits(model: DigitModel) -> Exportable:
    latent_dim, count = model.network.latent_dim, Dim("n")
    inputs, dynamic = {"latent": torch.zeros(2, latent_dim)}, {"latent": {0: count}}
    use = f"latent: float32 [N, {latent_dim}], from N(0, 1)"
    if model.classes:
        inputs["digit"], dynamic["digit"] = torch.zeros(2, dtype=torch.int64), {0: count}
        use += f"; digit: int64 [N], 0 to {model.classes - 1}"
    return Exportable(_Digits(model), inputs, dynamic, "drawn", f"{use} -> drawn: uint8 [N, 28, 28], white on black")


def _bounds(kind: Kind) -> tuple[float, float]:
    return (0.0, 255.0) if kind.labels else (kind.low, kind.high)


def _said(kind: Kind) -> str:
    low, high = _bounds(kind)
    values = "colours of classes" if kind.labels else f"{low:g} to {high:g}"
    return f"{'uint8' if kind.is_eight_bits else 'float32'} [N, height, width, {kind.channels}], {values}"


def _write_onnx(path: Path, program: ExportedProgram, interface: Exportable, about: str) -> None:
    exported = torch.onnx.export(
        program, input_names=list(interface.inputs), output_names=[interface.output], dynamo=True, verbose=False
    )
    assert exported
    model = exported.model
    for node in model.graph:
        node.metadata_props.clear()  # where on this machine the code lies
    model.metadata_props["ganflow"] = about
    model.doc_string = interface.use
    exported.save(path)


def _write_pt2(path: Path, program: ExportedProgram, about: str) -> None:
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)  # where on this machine the code lies
    with path.open("wb") as file:
        torch.export.save(program, file, extra_files={"config.json": about})
