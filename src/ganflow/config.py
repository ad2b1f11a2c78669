"""params.yaml as typed, bounded, documented models. Unknown keys and bad values are refused, by name."""

import re
import reprlib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from ganflow.errors import UserError, one_line

Objective = Literal["non_saturating", "minimax", "lsgan", "hinge", "wgan_gp", "relativistic"]
# Upper bounds far above any real use: a typing error must not reach torch, numpy or overflow 64-bit numbers.
Count = Annotated[int, Field(ge=1, le=10**9)]
Weight = Annotated[float, Field(ge=0, le=1e9)]
Rate = Annotated[float, Field(gt=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]
# The U-Net halves a tile until one pixel is left: sides are powers of two from 32 (5 levels) to 1024 (10).
MAPS_FOLDER = "data/raw/maps"  # pairs.folder as it is by default: where the stage download_maps puts them
MNIST_FOLDER = "data/raw/mnist"  # mnist.folder by default, by download_mnist
TileSize = Literal[32, 64, 128, 256, 512, 1024]


NO_DATA = "auto, alpha, none, a number such as 255, or a colour such as #e0e0c0"


def is_no_data(text: str) -> bool:
    """Whether `text` is a value of pairs.no_data."""
    return bool(re.fullmatch(r"auto|alpha|none|-?\d+(\.\d*)?(e[+-]?\d+)?|#[0-9a-f]{6}", text))


def _no_data(value: object) -> object:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if isinstance(text, str) and not is_no_data(text):
        raise ValueError(f"takes {NO_DATA}")
    return text


NoData = Annotated[str, BeforeValidator(_no_data)]


class Section(BaseModel):
    """One block of params.yaml: unknown keys, values of another type and infinities are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Compute(Section):
    device: Literal["auto", "cpu", "cuda", "mps"]
    precision: Literal["auto", "fp32", "bf16"]
    compile: Literal["auto", "on", "off"]
    threads: Annotated[int, Field(ge=0, le=1024)]
    processes: Annotated[int, Field(ge=1, le=1024)]


class Data(Section):
    source: Literal["download", "generated"]
    seed: Seed


class Mnist(Section):
    folder: Annotated[str, Field(min_length=1)]
    train_images: Annotated[int, Field(ge=100, le=60000)]
    val_images: Annotated[int, Field(ge=50, le=10000)]
    test_images: Annotated[int, Field(ge=100, le=10000)]


class Maps(Section):
    load_size: Annotated[int, Field(ge=32, le=600)]
    crop_size: TileSize
    eval_size: TileSize
    direction: Literal["aerial2map", "map2aerial"]
    val_pairs: Annotated[int, Field(ge=1, le=1000)]
    test_pairs: Annotated[int, Field(ge=1, le=1098)]
    generated_pairs: Annotated[int, Field(ge=2, le=100000)]

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop_size > self.load_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than load_size {self.load_size}")
        if self.crop_size > self.eval_size:  # the U-Net reduces a crop to one pixel: of a smaller tile nothing is left
            raise ValueError(f"crop_size {self.crop_size} is larger than eval_size {self.eval_size}")
        return self


class Pairs(Section):
    folder: Annotated[str, Field(min_length=1)]
    direction: Literal["a2b", "b2a"]
    crop_size: TileSize
    tile_size: TileSize
    labels: Literal["auto", "none"]
    no_data: NoData
    derive: Literal["none", "superres2", "superres4", "colourise", "inpaint", "edges", "denoise", "derain"]
    unpaired: bool

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop_size > self.tile_size:
            raise ValueError(f"crop_size {self.crop_size} is larger than tile_size {self.tile_size}")
        return self

    @model_validator(mode="after")
    def _one_kind_of_pictures(self) -> Self:
        if self.unpaired and self.derive != "none":
            raise ValueError(f"unpaired true with derive {self.derive}: a derived task has pairs")
        if self.unpaired and self.no_data not in ("auto", "none"):
            raise ValueError(f"unpaired true with no_data {self.no_data}: only pairs are measured pixel by pixel")
        return self

    @model_validator(mode="after")
    def _derived_from_pictures(self) -> Self:
        if self.derive != "none" and self.folder == MAPS_FOLDER:
            raise ValueError(
                f"derive {self.derive} with folder {MAPS_FOLDER}, which are pairs: name your pictures' folder"
            )
        if self.derive != "none" and self.direction != "a2b":
            raise ValueError(f"derive {self.derive} with direction b2a: it makes the pictures out of inputs (a2b)")
        return self


class Classifier(Section):
    epochs: Count
    batch_size: Count
    learning_rate: Rate


class Adversarial(Section):
    """The parameters of every training with a discriminator."""

    start_from: str
    objective: Objective
    epochs: Count
    decay_epochs: Annotated[int, Field(ge=0)]
    batch_size: Count
    learning_rate: Rate
    beta1: Beta
    beta2: Beta
    ema_share: Share
    critic_steps: Count
    lambda_gp: Weight
    gamma: Weight

    @model_validator(mode="after")
    def _decay_fits(self) -> Self:
        if self.decay_epochs > self.epochs:
            raise ValueError(f"decay_epochs {self.decay_epochs} is more than epochs {self.epochs}")
        return self

    @model_validator(mode="after")
    def _critic_is_constrained(self) -> Self:
        if self.objective == "wgan_gp" and not self.lambda_gp:
            raise ValueError("objective wgan_gp with lambda_gp 0: only this penalty bounds its critic")
        if self.objective == "relativistic" and not self.gamma:
            raise ValueError("objective relativistic with gamma 0: without this penalty it does not converge")
        return self

    def _refuse_batch_norm(self, norm: str, instead: str) -> None:
        """Refuse batch norm in a discriminator whose gradient is penalised."""
        if self.objective in ("wgan_gp", "relativistic") and norm == "batch":
            raise ValueError(
                f"objective {self.objective} with norm batch: the penalty is on the gradient of one image's score, but "
                f"with batch norm that score depends on the other images too (use norm {instead})"
            )


class Gan(Adversarial):
    batch_size: Annotated[int, Field(ge=2)]  # batch norm
    latent_dim: Annotated[int, Field(ge=1, le=4096)]
    channels: Annotated[int, Field(ge=4, le=1024)]
    deep: bool
    norm: Literal["none", "batch"]
    growing_epochs: Annotated[float, Field(ge=0, le=10**9)]

    @model_validator(mode="after")
    def _norm_fits(self) -> Self:
        self._refuse_batch_norm(self.norm, "none")
        return self

    @model_validator(mode="after")
    def _grows_up(self) -> Self:
        if self.growing_epochs > self.epochs:
            raise ValueError(f"growing_epochs {self.growing_epochs:g} is more than epochs {self.epochs}")
        if self.growing_epochs and self.start_from:
            raise ValueError(
                f"growing_epochs {self.growing_epochs:g} with start_from {self.start_from}: those weights have grown "
                "already (set growing_epochs 0)"
            )
        return self


class Cgan(Gan):
    wrong_classes: Annotated[float, Field(ge=0, lt=1)]


class PatchTraining(Adversarial):
    """The parameters of every training with a patch discriminator."""

    lambda_gan: Weight
    norm: Literal["instance", "batch"]
    upsample: Literal["transposed", "resize"]
    palette: Annotated[int, Field(ge=0, le=256)]
    generator_channels: Annotated[int, Field(ge=4, le=512)]
    discriminator_channels: Annotated[int, Field(ge=4, le=512)]


class Translator(PatchTraining):
    """The parameters that Pix2Pix and the conditional VAE share."""

    lambda_l1: Weight
    lambda_rare: Weight
    lambda_features: Weight
    residual: Literal["auto", "on", "off"]

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        if self.lambda_gan:
            self._refuse_batch_norm(self.norm, "instance")
        if self.critic_steps > 1 and not self.lambda_gan:
            raise ValueError(f"critic_steps {self.critic_steps} with lambda_gan 0: there is no critic")
        if not self.lambda_l1 and not self.lambda_gan:
            raise ValueError("lambda_l1 0 with lambda_gan 0: no loss compares generated images with their targets")
        return self


class Pix2Pix(Translator):
    dropout: Annotated[float, Field(ge=0, lt=1)]


class Cvae(Translator):
    lambda_latent: Weight
    lambda_kl: Weight
    prior: Literal["learned", "normal"]
    prior_share: Annotated[float, Field(ge=0, le=1)]
    latent_dim: Annotated[int, Field(ge=1, le=1024)]
    encoder_channels: Annotated[int, Field(ge=4, le=512)]

    @model_validator(mode="after")
    def _prior_learns(self) -> Self:
        if self.prior == "learned" and not self.lambda_kl:
            raise ValueError("prior learned with lambda_kl 0: its variance is trained by that term alone")
        return self


class Cyclegan(PatchTraining):
    lambda_gan: Annotated[float, Field(gt=0, le=1e9)]
    lambda_cycle: Weight
    lambda_cycle_back: Weight
    lambda_identity: Weight
    history: Annotated[float, Field(ge=0, lt=1)]
    aux_dim: Annotated[int, Field(ge=0, le=1024)]
    lambda_aux: Weight
    lambda_kl: Weight

    @model_validator(mode="after")
    def _norm_fits(self) -> Self:
        self._refuse_batch_norm(self.norm, "instance")
        return self

    @model_validator(mode="after")
    def _auxiliary_has_its_prior(self) -> Self:
        if self.aux_dim and not self.lambda_kl:
            raise ValueError(f"aux_dim {self.aux_dim} with lambda_kl 0: only this term makes it like the N(0, 1) drawn")
        return self


class Evaluate(Section):
    checkpoint: Literal["best", "last"]
    digits: Annotated[int, Field(ge=100, le=10**6)]
    repeats: Count
    perceptual: Literal["auto", "on", "off"]
    samples: Annotated[int, Field(ge=2, le=100)]
    sampled_pairs: Annotated[int, Field(ge=2, le=1098)]
    batch_size: Count


class Render(Section):
    digits: Annotated[int, Field(ge=1, le=10000)]
    interpolations: Annotated[int, Field(ge=1, le=100)]
    pairs: Annotated[int, Field(ge=1, le=100)]


class Params(Section):
    """All of params.yaml. Its comments explain each field."""

    seed: Seed
    compute: Compute
    data: Data
    mnist: Mnist
    maps: Maps
    pairs: Pairs
    classifier: Classifier
    gan: Gan
    cgan: Cgan
    pix2pix: Pix2Pix
    cvae: Cvae
    cyclegan: Cyclegan
    evaluate: Evaluate
    render: Render

    @property
    def own_pairs(self) -> bool:
        """Whether the translators train on a folder of the user's in place of the maps."""
        return self.pairs.folder != MAPS_FOLDER

    @property
    def own_digits(self) -> bool:
        """Whether the digit GANs train on a folder of the user's in place of MNIST."""
        return self.mnist.folder != MNIST_FOLDER

    @property
    def translation(self) -> Maps | Pairs:
        """The section that says crop_size and direction of the pairs in use."""
        return self.pairs if self.own_pairs else self.maps


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and validate `path`.

    Raises:
        UserError: naming the first wrong key, its value and what was expected of it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"there is no {path} here: run from the project's root") from None
    except OSError as fault:  # a folder, not readable
        raise UserError(f"{path} cannot be read: {fault.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it in that encoding") from None
    try:
        # DVC writes params.yaml as YAML 1.2, where 1e-05 is a number; PyYAML (1.1) would read it as a string.
        content: Any = YAML(typ="safe", pure=True).load(text)
        if not isinstance(content, dict):
            raise UserError(f"{path} holds {'nothing' if content is None else 'no parameters'}: it takes `name: value`")
        return Params.model_validate(content)
    except ValidationError as fault:
        raise UserError(f"{path}: {_explain(fault)}") from None
    except YAMLError as fault:
        raise UserError(f"{path} is not valid YAML: {one_line(fault)}") from None
    except RecursionError:
        raise UserError(f"{path} is not valid: it is nested too deeply") from None
    except (ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as fault:
        # The YAML parser raises these itself, for a bad !!float tag, a bad date or a very long integer.
        raise UserError(f"{path} is not valid YAML: {one_line(fault)}") from None


def dotted(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"pix2pix": {"lambda_l1": 50}} as {"pix2pix.lambda_l1": 50}."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        found |= dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _explain(fault: ValidationError) -> str:
    """The first error as `key = value: what is wrong`, and how many more there are."""
    first, *others = fault.errors(include_url=False, include_context=False)
    key = one_line(".".join(str(part) for part in first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden":
            text = f"{key}: no such parameter"
        case "missing":
            text = f"{key} is missing"
        case "value_error":
            text = f"{key}: {message}"
        case _:
            text = f"{key} = {_printable(first['input'])}: {message[0].lower()}{message[1:]}"
    return text + (f" (and {len(others)} more)" if others else "")


def _printable(value: Any) -> str:
    try:
        return one_line(reprlib.repr(value))
    except ValueError:  # Python does not write integers of more than 4300 digits
        return "a very large number"
