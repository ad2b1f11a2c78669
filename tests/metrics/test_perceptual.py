"""On random weights in the published layout: the real ones cannot be had offline."""

import hashlib
import http.server
import io
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics.functional.image.lpips as torchmetrics_lpips
import torchvision
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3, FeatureExtractorInceptionV3
from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3

from ganflow.errors import UserError
from ganflow.evaluation import digits
from ganflow.files import sha256
from ganflow.metrics import perceptual
from ganflow.metrics.perceptual import Absent, Source, Weights

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 40, 40, 3), dtype=np.uint8)
OTHERS = RNG.integers(0, 256, (5, 40, 40, 3), dtype=np.uint8)
NAMED = Weights(Path("inception.pth"), Path("alexnet.pth"))
CONTENTS = {"inception-0.pth": bytes(range(256)) * 8000, "alexnet-0.pth": b"alexnet" * 1000}


class UntrainedInception(FeatureExtractorInceptionV3):
    def load_state_dict(self, *args: object, **more: object) -> None: ...  # type: ignore[override]


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weights]:
    """Both files under their published names, in a folder that can be TORCH_HOME."""
    folder = tmp_path_factory.mktemp("torch") / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    files = Weights(folder / perceptual.INCEPTION.name, folder / perceptual.ALEXNET.name)
    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        inception = UntrainedInception("untrained", ["2048"], empty)
        for module in inception.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)  # torch's own default fades to nothing over so many layers
        # Published in 2020, in the format of the time.
        torch.save(inception.state_dict(), files.inception, _use_new_zipfile_serialization=False)
        torch.save(torchvision.models.alexnet().state_dict(), files.alexnet)
    yield files
    files.inception.unlink()  # pytest would keep 340 MB
    files.alexnet.unlink()


@pytest.fixture(scope="module")
def features(random_weights: Weights) -> np.ndarray:
    return perceptual.inception_features(IMAGES, random_weights, CPU)


@dataclass
class Server:
    """What the local server serves, and how many bytes it sends before it hangs up."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and sources at a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    _publish_at(f"http://127.0.0.1:{port}", monkeypatch)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server(dict(CONTENTS))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/")
            state.asked.append(name)
            if name not in state.files:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(state.files[name])))
            self.end_headers()
            self.wfile.write(state.files[name][: state.cut_after])

        def log_message(self, format: str, *args: object) -> None: ...

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        _publish_at(f"http://127.0.0.1:{listening.server_address[1]}", monkeypatch)
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield state
        listening.shutdown()


def _publish_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for constant, name in zip(("INCEPTION", "ALEXNET"), CONTENTS, strict=True):
        monkeypatch.setattr(
            perceptual, constant, Source(f"{address}/{name}", hashlib.sha256(CONTENTS[name]).hexdigest())
        )


def _fill(cache: Path) -> None:
    cache.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (cache / name).write_bytes(content)


def test_published_names_end_in_the_digest_that_is_checked() -> None:
    for source in (perceptual.INCEPTION, perceptual.ALEXNET):
        assert source.name.endswith(f"-{source.digest[:8]}.pth")
        assert len(source.digest) == 64


def test_the_weights_are_those_that_the_libraries_name() -> None:
    assert perceptual.INCEPTION.url == URL_INCEPTION_V3
    assert torchvision.models.AlexNet_Weights.IMAGENET1K_V1.url == perceptual.ALEXNET.url
    side = FeatureExtractorInceptionV3.INPUT_IMAGE_SIZE
    assert f" {side} px " in str(perceptual.conditions(NAMED, "on", IMAGES)["fid_resize"])


def test_the_heads_within_torchmetrics_are_the_published_ones() -> None:
    """The authors' weights/v0.1/alex.pth, also published as LPIPS_v0.1_alex-df73285e.pth."""
    heads = Path(torchmetrics_lpips.__file__).parent / "lpips_models" / "alex.pth"
    assert sha256(heads).startswith("df73285e")


def test_off_measures_nothing_even_with_the_weights_there(cache: Path) -> None:
    _fill(cache)
    assert perceptual.weights("off") == Absent("evaluate.perceptual is off")


def test_auto_without_a_network_is_absent_with_the_reason_within_seconds(cache: Path) -> None:
    start = time.monotonic()
    found = perceptual.weights("auto")
    assert time.monotonic() - start < 5
    assert isinstance(found, Absent)
    assert "inception-0.pth is not in torch's cache" in found.reason
    assert found.reason.endswith("ConnectionError")
    assert str(cache) not in found.reason  # it may stand in an out, the same on every machine
    assert not list(cache.iterdir())


def test_on_without_a_network_says_which_file_goes_where(cache: Path) -> None:
    with pytest.raises(UserError) as fault:
        perceptual.weights("on")
    assert all(part in str(fault.value) for part in (*CONTENTS, str(cache), perceptual.ALEXNET.url))
    assert "\n" not in str(fault.value)


def test_cached_files_need_no_network(cache: Path) -> None:
    _fill(cache)
    for mode in ("auto", "on"):
        assert perceptual.weights(mode) == Weights(cache / "inception-0.pth", cache / "alexnet-0.pth")


def test_missing_files_are_fetched_once(server: Server, cache: Path) -> None:
    found = perceptual.weights("auto")
    assert isinstance(found, Weights)
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == CONTENTS
    assert perceptual.weights("on") == found
    assert server.asked == list(CONTENTS)


def test_a_body_that_ends_early_leaves_nothing(server: Server, cache: Path) -> None:
    server.cut_after = 1_500_000
    assert isinstance(perceptual.weights("auto"), Absent)
    assert not list(cache.iterdir())


def test_a_server_that_sends_something_else_is_refused(server: Server, cache: Path) -> None:
    server.files["inception-0.pth"] = b"another file"
    found = perceptual.weights("auto")
    assert isinstance(found, Absent)
    assert found.reason.endswith("what came has another sha256")
    del server.files["inception-0.pth"]
    found = perceptual.weights("auto")
    assert isinstance(found, Absent)
    assert found.reason.endswith("HTTP 404")
    assert not list(cache.iterdir())


def test_a_download_that_takes_too_long_is_given_up(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perceptual, "LIMIT", 0)
    found = perceptual.weights("auto")
    assert isinstance(found, Absent)
    assert found.reason.endswith("not done within 0 s")
    assert not list(cache.iterdir())


def test_a_damaged_file_is_fetched_anew(server: Server, cache: Path) -> None:
    _fill(cache)
    (cache / "alexnet-0.pth").write_bytes(b"damaged")
    assert isinstance(perceptual.weights("auto"), Weights)
    assert server.asked == ["alexnet-0.pth"]
    assert (cache / "alexnet-0.pth").read_bytes() == CONTENTS["alexnet-0.pth"]


def test_a_damaged_file_is_never_used(cache: Path) -> None:
    _fill(cache)
    (cache / "alexnet-0.pth").write_bytes(b"damaged")
    found = perceptual.weights("auto")
    assert isinstance(found, Absent)
    assert "alexnet-0.pth in torch's cache is damaged" in found.reason
    assert (cache / "alexnet-0.pth").read_bytes() == b"damaged"  # whose it is, we do not know


def test_features_are_those_of_torchmetrics_own_inception(random_weights: Weights, features: np.ndarray) -> None:
    theirs = NoTrainInceptionV3("theirs", ["2048"], str(random_weights.inception), antialias=False)
    expected = theirs(torch.from_numpy(IMAGES).permute(0, 3, 1, 2))
    assert features.shape == (5, 2048)
    assert features.dtype == np.float32
    assert features.std() > 0.1
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_features_do_not_depend_on_the_batch(
    random_weights: Weights, features: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perceptual, "BATCH", 2)
    alone = perceptual.inception_features(IMAGES, random_weights, CPU)
    np.testing.assert_allclose(features, alone, rtol=1e-4, atol=1e-5)


def test_lpips_is_torchmetrics_own(random_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(random_weights.alexnet.parents[2]))  # theirs goes through torchvision
    ours, theirs = (torch.from_numpy(images).permute(0, 3, 1, 2) / 127.5 - 1 for images in (IMAGES, OTHERS))
    expected = torchmetrics_lpips.learned_perceptual_image_patch_similarity(ours, theirs, "alex", reduction="none")
    found = perceptual.lpips(IMAGES, OTHERS, random_weights, CPU)
    assert found.shape == (5,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_lpips_is_zero_for_equal_images_positive_for_others_and_symmetric(random_weights: Weights) -> None:
    assert not perceptual.lpips(IMAGES, IMAGES, random_weights, CPU).any()
    there, back = (
        perceptual.lpips(*pair, random_weights, CPU) for pair in ((IMAGES[:2], OTHERS[:2]), (OTHERS[:2], IMAGES[:2]))
    )
    assert (there > 0).all()
    np.testing.assert_allclose(there, back, rtol=1e-5)
    with pytest.raises(ValueError, match="shapes differ"):
        perceptual.lpips(IMAGES, OTHERS[:2], random_weights, CPU)


class Passing(nn.Module):
    """In Inception's place within torchmetrics' FID: features come in, and go out."""

    num_features = 24

    def forward(self, features: Tensor) -> Tensor:
        return features


def test_fid_is_torchmetrics_own_on_the_same_features(features: np.ndarray) -> None:
    """Many draws around a few real features: torchmetrics' eigenvalues of 2048 x 2048 would take half a minute."""
    wide = features[:, : Passing.num_features]
    real, generated = (RNG.normal(scale=0.2, size=(n, len(wide))) @ wide + RNG.normal(size=(n, 24)) for n in (80, 60))
    theirs = FrechetInceptionDistance(feature=Passing()).set_dtype(torch.float64)
    theirs.update(torch.from_numpy(real), real=True)
    theirs.update(torch.from_numpy(generated + 0.1), real=False)
    ours = perceptual.summary(generated + 0.1, real, np.array([0.25, 0.5]), seed=0)
    assert ours["fid"][0] == pytest.approx(float(theirs.compute()), rel=1e-6)
    assert ours["lpips"] == pytest.approx((0.375, 12.7062 * 0.125))
    assert ours["fid"][1] > 0
    assert perceptual.summary(real, real, None, seed=0)["fid"][0] == pytest.approx(0, abs=1e-9)


def test_a_summary_has_no_lpips_where_images_are_not_paired(features: np.ndarray) -> None:
    assert set(perceptual.summary(features[:3, :8], features[:, :8], None, seed=0)) == {"fid", "kid"}


def test_the_tiles_of_a_picture_are_left_out_together() -> None:
    """The same tile twice says no more than once; a single picture shows no noise."""
    once = np.random.default_rng(0).normal(size=(2, 40, 4)) + np.array([0.5, 0.0])[:, None, None]
    twice, pictures = [side.repeat(2, axis=0) for side in once], np.arange(40).repeat(2)
    of_tiles, of_pictures = (
        perceptual.summary(*twice, None, 0),
        perceptual.summary(*twice, None, 0, pictures, pictures),
    )
    for key, (_, noise) in perceptual.summary(*once, None, 0).items():
        assert of_pictures[key][1] == pytest.approx(noise, rel=0.1)
        assert of_tiles[key][1] < 0.8 * of_pictures[key][1]
    of_one = perceptual.summary(*once, None, 0, np.arange(40), np.zeros(40, int))
    assert all(np.isnan(noise) for _, noise in of_one.values())


def test_conditions_name_what_the_numbers_hang_on() -> None:
    assert perceptual.conditions(NAMED, "on", IMAGES) == {
        "n": 5,
        "size": 40,
        "fid_resize": "bilinear to 299 px as in TensorFlow 1",
        "fid_weights": "6726825d",
        "lpips_weights": "AlexNet 7be5be79, heads 0.1",
    }


@pytest.mark.parametrize(("mode", "why"), [("off", "evaluate.perceptual is off"), ("auto", "their weights were not")])
def test_absent_is_a_constant_word_in_an_out_and_the_reason_is_printed(
    mode: perceptual.Mode, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = perceptual.conditions(Absent("HTTP 502 from here"), mode, IMAGES)
    assert list(found) == ["absent"]
    assert str(found["absent"]).startswith(why)
    assert "HTTP 502 from here" in capsys.readouterr().err


def test_digits_are_seen_by_inception_too(random_weights: Weights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "INCEPTION_DIGITS", 3)
    real = RNG.integers(0, 256, (5, 28, 28), dtype=np.uint8)
    found = digits.inception_measures({"floor": real}, real, random_weights, 0, CPU)
    assert set(found["floor"]) == {"fid", "kid"}
    assert found["floor"]["fid"][0] == pytest.approx(0, abs=1e-6)
