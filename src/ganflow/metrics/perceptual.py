"""FID, KID and LPIPS of generated images, from networks trained on ImageNet.

Both networks' weights are fetched once (340 MB) and verified. Where they cannot be had, the measures are recorded as
absent with the reason, never as a number. The networks are torch-fidelity's Inception, on its own resize to 299 px as
in TensorFlow 1, and torchmetrics' LPIPS on AlexNet; the distances are distribution.py's, the same formulas as theirs.

The real weights could not be reached where this was written: its tests run on random ones in the published layout, and
its numbers from the real ones were never computed, nor set beside another implementation's.
"""

import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlparse

import numpy as np
import requests
import torch
from torch import Tensor, nn
from tqdm import tqdm

from ganflow.data.batches import to_unit
from ganflow.errors import UserError
from ganflow.files import sha256, whole_file
from ganflow.metrics import distribution
from ganflow.metrics.intervals import GROUPS, jackknifed, mean, whole_and_deletions

Mode = Literal["auto", "on", "off"]

TIMEOUT = (3, 10)  # seconds to connect, and to wait for more data: a machine without a network loses only seconds
LIMIT = 900  # seconds for one file: on a slower line, put it into the cache by hand
CHUNK = 1 << 20
BATCH = 16  # images at a time: at 299 px, Inception holds some 25 MB for each


@dataclass(frozen=True)
class Source:
    """A published file of weights. Its name ends in the first eight digits of its sha256, `digest`."""

    url: str
    digest: str

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]


# The full digests stand in the manifests of many public projects. The linear heads of LPIPS come within torchmetrics.
INCEPTION = Source(
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
ALEXNET = Source(
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
)


@dataclass(frozen=True)
class Weights:
    """Verified files."""

    inception: Path
    alexnet: Path


@dataclass(frozen=True)
class Absent:
    """Why the measures are not there. The same fault gives the same text on every machine: it may stand in an out."""

    reason: str


class UnavailableError(Exception):
    """A file of weights is neither in the cache nor to be had."""


def weights(mode: Mode) -> Weights | Absent:
    """Both files, from torch.hub's cache (TORCH_HOME is respected) or else fetched into it; or why they are absent.

    One missing file makes all three measures absent, so that a metrics file has all of them or none.

    Raises:
        UserError: `mode` is on, and a file is missing.
    """
    if mode == "off":
        return Absent("evaluate.perceptual is off")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        return Weights(_verified(INCEPTION, folder), _verified(ALEXNET, folder))
    except UnavailableError as fault:
        if mode == "auto":
            return Absent(str(fault))
        files = " and ".join(f"{source.name} ({source.url})" for source in (INCEPTION, ALEXNET))
        raise UserError(
            f"evaluate.perceptual is on, but {fault}. Put {files} into {folder}, or set it to off"
        ) from None


def inception_features(images: np.ndarray, files: Weights, device: torch.device) -> np.ndarray:
    """Pooled Inception features, float32 [N, 2048], of images uint8 [N, H, W, 3] (may be memory-mapped).

    The network of Heusel et al. 2017 (arXiv:1706.08500), converted from its TensorFlow weights, not torchvision's.
    """
    network = _inception(files.inception, device)
    return _in_batches(lambda batch: network(batch)[0], device, images)


def lpips(generated: np.ndarray, real: np.ndarray, files: Weights, device: torch.device) -> np.ndarray:
    """LPIPS of each generated image to the real one, both uint8 [N, H, W, 3] (H, W >= 31): float32 [N].

    0 for equal images, seldom above 1, lower is nearer. Zhang et al. 2018 (arXiv:1801.03924), version 0.1 on AlexNet,
    as most papers report it, at the images' own size.
    """
    if generated.shape != real.shape:
        raise ValueError(f"shapes differ: {generated.shape} and {real.shape}")
    network = _lpips(files.alexnet, device)
    return _in_batches(lambda a, b: network(to_unit(a), to_unit(b)).flatten(), device, generated, real)


def summary(
    features: np.ndarray,
    real: np.ndarray,
    distances: np.ndarray | None,
    seed: int,
    pictures: np.ndarray | None = None,
    of_features: np.ndarray | None = None,
) -> dict[str, tuple[float, float]]:
    """fid and kid of features [N, D] against those of real images [M, D], and the mean of their LPIPS [N], if given.

    Each as (value, half the width of its 95 % interval). `pictures` [M]: the number, from 0, of the picture that each
    real image is a tile of, and, with distances, its translation; `of_features` [N]: the same of other images than
    translations; None: each is a picture.

    Read KID. An FID of fewer images than features, as of the 1098 official test maps, fits 2048-dimensional normals
    with singular covariances, and is far above what more images would give: it compares at equal N and M only, and
    never with a paper's on 50,000. KID's expectation does not depend on how many images there are. It is the plain
    squared distance (papers often print it times 1000) over all pairs at once, which libraries estimate on subsets.

    Read both beside their lower bound: the same two of real training images against the real test images.
    """
    whole = np.arange(len(real)) if pictures is None else pictures
    own = np.arange(len(features)) if of_features is None else of_features
    count, own_count = int(whole.max()) + 1, int(own.max()) + 1
    groups = min(GROUPS, own_count, count)
    # take keeps the memory's order, and with it the last bits of the measures.
    of_real = whole_and_deletions(count, groups, seed).take(whole, axis=1)
    # A translation and its real image are left out together: an unusual input makes both unusual.
    paired = distances is not None and len(features) == len(real)
    of_generated = of_real if paired else whole_and_deletions(own_count, groups, seed + 1).take(own, axis=1)
    weights = of_generated, of_real
    found = {
        "fid": jackknifed(distribution.frechet_distance(features, real, weights)),
        "kid": jackknifed(distribution.kernel_distance(features, real, weights)),
    }
    return found if distances is None else found | {"lpips": mean(distances, pictures)}


_OTHER_PICTURES = Absent("they look at pictures of three channels and 8 bits")


def usable(networks: Weights | Absent, images: np.ndarray) -> Weights | Absent:
    """`networks`, or why they cannot look at `images` [N, H, W, C]."""
    return networks if images.shape[-1] == 3 and images.dtype == np.uint8 else _OTHER_PICTURES


def conditions(networks: Weights | Absent, mode: Mode, images: np.ndarray) -> dict[str, object]:
    """The conditions that make the measures of `images` [N, H, W, ...] comparable, or {"absent": why in fixed words}.

    The reason itself may differ from one network to the next, and so is printed for people, and is not for an out.
    """
    if isinstance(networks, Absent) and networks == _OTHER_PICTURES:
        return {"absent": networks.reason}
    if isinstance(networks, Absent):
        print(f"FID, KID and LPIPS are not measured: {networks.reason}", file=sys.stderr)
        return {"absent": "evaluate.perceptual is off" if mode == "off" else "their weights were not at hand"}
    return {
        "n": len(images),
        "size": images.shape[1],
        "fid_resize": "bilinear to 299 px as in TensorFlow 1",
        "fid_weights": INCEPTION.digest[:8],
        "lpips_weights": f"AlexNet {ALEXNET.digest[:8]}, heads 0.1",
    }


def _in_batches(measure: Callable[..., Tensor], device: torch.device, *arrays: np.ndarray) -> np.ndarray:
    """`measure` of tensors uint8 [B, 3, H, W] cut from each array: memory stays flat in the number of images."""
    done = []
    # TF32 would round inputs to three digits, on some GPUs only.
    with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        for start in range(0, len(arrays[0]), BATCH):
            cut = [torch.from_numpy(np.array(array[start : start + BATCH])).to(device) for array in arrays]
            done.append(measure(*(batch.permute(0, 3, 1, 2) for batch in cut)).cpu().numpy())
    return np.concatenate(done)


@cache
def _inception(path: Path, device: torch.device) -> nn.Module:
    # Here and below, not above: the imports take seconds of every evaluation, and most have no weights to use.
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    # The extractor unpickles any object in its file: it gets a new file of tensors only.
    tensors = io.BytesIO()
    torch.save(_tensors(path), tensors)
    tensors.seek(0)
    network = FeatureExtractorInceptionV3("inception", ["2048"], tensors)
    return network.to(device).to(memory_format=torch.channels_last)  # on a CPU in two thirds of the time


@cache
def _lpips(path: Path, device: torch.device) -> nn.Module:
    from torchmetrics.functional.image.lpips import _NoTrainLpips as Lpips

    # The heads come with it. The public class has no pnet_rand: there, torchvision would fetch the backbone unverified.
    network = Lpips(net="alex", pnet_rand=True)
    stored = _tensors(path)
    # Slices keep torchvision's numbers: slice2.3.weight is features.3.weight.
    names = {name: f"features.{name.partition('.')[2]}" for name in network.net.state_dict()}
    network.net.load_state_dict({name: stored[origin] for name, origin in names.items()})
    return network.to(device)


def _tensors(path: Path) -> dict[str, Tensor]:
    """Published weights that exist only as a pickle, of which nothing but tensors is read."""
    return torch.load(path, weights_only=True)


def _verified(source: Source, folder: Path) -> Path:
    """The cached file if it has the right digest, else fetched anew. Raises UnavailableError."""
    path = folder / source.name
    state = "is not in torch's cache"
    if path.is_file():
        if sha256(path) == source.digest:
            return path
        state = "in torch's cache is damaged"
    try:
        _download(source, path)
    except (OSError, ValueError) as fault:
        host = urlparse(source.url).netloc
        raise UnavailableError(f"{source.name} {state}, and could not be fetched from {host}: {_why(fault)}") from None
    return path


def _download(source: Source, path: Path) -> None:
    """Fetch `source` to `path`, whole and verified or not at all. Raises OSError (requests' are), ValueError."""
    start = time.monotonic()
    with whole_file(path) as partial:
        with (
            requests.get(source.url, stream=True, timeout=TIMEOUT) as answer,
            partial.open("wb") as out,
            tqdm(
                total=int(answer.headers.get("Content-Length", 0)) or None,
                desc=source.name,
                unit="B",
                unit_scale=True,
                mininterval=0.2 if sys.stderr.isatty() else 30,
            ) as bar,
        ):
            answer.raise_for_status()
            for piece in answer.iter_content(CHUNK):
                if time.monotonic() - start > LIMIT:
                    raise TimeoutError(f"not done within {LIMIT} s")
                out.write(piece)
                bar.update(len(piece))
        if sha256(partial) != source.digest:
            raise ValueError("what came has another sha256")


def _why(fault: Exception) -> str:
    """A fault in a few words, without the paths and addresses that differ from machine to machine."""
    if isinstance(fault, requests.HTTPError) and fault.response is not None:
        return f"HTTP {fault.response.status_code}"
    if isinstance(fault, requests.RequestException):
        return type(fault).__name__
    return getattr(fault, "strerror", None) or str(fault)
