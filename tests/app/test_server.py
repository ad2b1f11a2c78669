"""The page's server over real HTTP: answers, bounds, and who may ask."""

import base64
import http.client
import io
import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from small_model import ARGUMENTS, small_model

from ganflow.app import server as app
from ganflow.app.answers import Answers
from ganflow.errors import UserError
from ganflow.inference.model import load_model
from ganflow.models import saved
from ganflow.models.cvae import ConditionalVae
from ganflow.models.dcgan import DigitGenerator
from ganflow.models.unet import UNet

CVAE = {"levels": 2, "channels": 1, "encoder_channels": 1, "norm": "instance", "upsample": "resize"}
CVAE |= {"latent_dim": 3, "prior": "learned"}
DIGITS = {"latent_dim": 4, "channels": 2, "classes": 10}
ABOUT = {"eval_size": 16, "source": "generated", "metres_per_pixel": 2.0}
CLASSES = [{"name": str(number), "value": [number], "colour": [30 * number, 0, 0]} for number in range(8)]
PHOTO = np.random.default_rng(0).integers(0, 256, (20, 33, 3), np.uint8)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    saved.save_network(folder / "cvae", ConditionalVae(**CVAE), CVAE, ABOUT)
    saved.save_network(folder / "cgan", DigitGenerator(**DIGITS), DIGITS, ABOUT)
    return Answers(
        {"pix2pix": small_model(folder), "cvae": folder / "cvae", "cgan": folder / "cgan"}, most_pixels=10_000
    )


@pytest.fixture(scope="module")
def address(answers: Answers) -> Iterator[tuple[str, int]]:
    with served(answers) as where:
        yield where


@contextmanager
def served(answers: Answers, host: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
    page = app.server(answers, host)
    page.daemon_threads = False  # so that its end waits for the answers under way
    thread = threading.Thread(target=page.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield host, page.server_address[1]
    finally:
        page.shutdown()
        thread.join()
        page.server_close()


def ask(address: tuple[str, int], path: str, content: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=30)
    kind = {} if content is None else {"Content-Type": "application/octet-stream"}
    connection.request("GET" if content is None else "POST", path, content, kind | headers)
    answer = connection.getresponse()
    body = answer.read()
    assert "default-src 'none'" in (answer.getheader("Content-Security-Policy") or "")
    connection.close()
    return answer.status, body


def told(address: tuple[str, int], path: str, content: bytes | None = None) -> Any:
    status, body = ask(address, path, content)
    assert status == 200, body
    return json.loads(body)


def picture(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,")))))


def png(values: np.ndarray = PHOTO) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def test_the_page_and_its_models(address: tuple[str, int]) -> None:
    status, body = ask(address, "/")
    assert status == 200
    assert body == app.PAGE.read_bytes()
    for foreign in (b"http:", b"https:", b"//cdn", b"@import", b"url("):
        assert foreign not in body, "nothing from elsewhere"
    found = {model["name"]: model for model in told(address, "/models")}
    assert {name: model["does"] for name, model in found.items()} == {
        "pix2pix": "translate",
        "cvae": "translate",
        "cgan": "draw",
    }
    assert (found["cvae"]["samples"], found["pix2pix"]["samples"], found["cgan"]["classes"]) == (True, False, 10)


def test_a_model_that_cannot_be_read_does_not_hide_the_others(answers: Answers, tmp_path: Path) -> None:
    broken = small_model(tmp_path)
    (broken / "model.safetensors").write_bytes(b"cut off")
    with served(Answers({"broken": broken, "good": answers.folders["pix2pix"]}, 10_000)) as where:
        found = told(where, "/models")
    assert [model["name"] for model in found] == ["broken", "good"]
    assert "does not hold a readable model" in found[0]["error"]
    assert found[1]["does"] == "translate"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"channels": 4}, "shown without 1 of 4 channels: `ganflow translate` writes the values"),
        ({"channels": 4, "dtype": "uint16"}, "shown in 8 bits, without 1 of 4 channels"),
        ({"channels": 3, "classes": CLASSES}, "shown before each pixel is given its class"),
    ],
)
def test_what_the_page_does_not_show_of_an_answer_is_said(tmp_path: Path, target: dict[str, Any], said: str) -> None:
    kind = {"name": "answer", "dtype": "uint8", "low": 0.0, "high": 255.0, "classes": None} | target
    about, arguments = ABOUT | {"target": kind}, ARGUMENTS | {"outputs": target["channels"]}
    saved.save_network(tmp_path, UNet(**arguments), arguments, about)
    answer = Answers({"own": tmp_path}, 10_000).translate("own", png(), {"file": "a.png"})
    assert answer["notes"][-1].startswith(said)


def test_a_photo_comes_back_with_the_models_answer(address: tuple[str, int], answers: Answers) -> None:
    answer = told(address, "/translate?model=pix2pix&file=a.png", png())
    assert (answer["width"], answer["height"]) == (33, 20)
    assert np.array_equal(picture(answer["photo"]), PHOTO)
    expected = load_model(answers.folders["pix2pix"])(PHOTO)  # type: ignore[arg-type]
    assert np.array_equal(picture(answer["answers"][0]), expected)
    assert answer["notes"][-1].startswith("scale: assumed that a pixel shows as much as in")
    deep = told(address, "/translate?model=pix2pix&file=a.png", png(PHOTO[..., 0].astype(np.uint16) * 257))
    assert np.array_equal(picture(deep["photo"])[..., 0], PHOTO[..., 0]), "16 bits are seen in their range"


def test_several_answers_chosen_by_the_seed(address: tuple[str, int], answers: Answers) -> None:
    answer = told(address, "/translate?model=cvae&file=a.png&n=3&seed=5&metres=1", png())
    assert len(set(answer["answers"])) == 3
    assert answer["notes"][-1] == "scale: 1 m per pixel as given, 2 m for the model"
    plain = told(address, "/translate?model=cvae&file=a.png&n=2&seed=5", png())
    expected = load_model(answers.folders["cvae"]).samples(PHOTO, 2, seed=5)  # type: ignore[union-attr]
    assert all(np.array_equal(picture(uri), one) for uri, one in zip(plain["answers"], expected, strict=True))


def test_digits_to_order(address: tuple[str, int]) -> None:
    sevens = told(address, "/digits?model=cgan&digit=7&n=9&seed=1", b"")
    assert picture(sevens["picture"]).shape[:2] == (sevens["height"], sevens["width"])
    assert sevens == told(address, "/digits?model=cgan&digit=7&n=9&seed=1", b"")
    assert sevens != told(address, "/digits?model=cgan&digit=3&n=9&seed=1", b"")


@pytest.mark.parametrize(
    ("path", "content", "status", "why"),
    [
        ("/translate?model=pix2pix&file=a.png", b"no picture", 400, "the photo is not a readable picture"),
        ("/translate?model=pix2pix&file=../../x.png", b"", 400, "the photo"),
        ("/translate?model=cvae&n=1&metres=900&file=a.png", png(), 400, "is it right?"),
        ("/translate?model=none", b"", 400, "there is no such model"),
        ("/translate?model=cgan", png(), 400, "draws digits"),
        ("/translate?model=cvae&n=1000&seed=0", png(), 400, "n takes a number from 1 to 8"),
        ("/translate?model=pix2pix&metres=1&file=a.png", png(), 400, "pix2pix does not know its scale"),
        ("/digits?model=cgan&digit=x&n=9&seed=1", b"", 400, "digit takes a number"),
        ("/digits?model=pix2pix&n=9&seed=1", b"", 400, "translates photos"),
        ("/nothing", b"", 404, "no such address"),
        ("/nothing", None, 404, "no such page"),
    ],
)
def test_what_cannot_be_answered_is_said(
    address: tuple[str, int], path: str, content: bytes | None, status: int, why: str
) -> None:
    found, body = ask(address, path, content)
    assert (found, why in json.loads(body)["error"]) == (status, True), body
    assert "/tmp" not in json.loads(body)["error"]


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_too_many_pixels_are_refused_before_they_are_read(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("ganflow.inference.photos.WINDOWED", 0)
    content = png(np.zeros((200, 300), np.uint8))
    if kind == "tif":
        file = io.BytesIO()
        tifffile.imwrite(file, np.zeros((200, 300, 5), np.uint16), photometric="minisblack", planarconfig="contig")
        content = file.getvalue()
    status, body = ask(address, f"/translate?model=pix2pix&file=a.{kind}", content)
    assert (status, "300x200" in json.loads(body)["error"]) == (400, True), body
    large = told(address, "/translate?model=cvae&file=a.png&n=1&seed=0&metres=2", png())
    assert large["width"] == 33
    status, body = ask(address, "/translate?model=cvae&file=a.png&n=1&seed=0&metres=40", png())
    assert (status, "too large for this page" in json.loads(body)["error"]) == (400, True)


def test_too_many_bytes_are_refused_before_they_are_taken(address: tuple[str, int]) -> None:
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.putrequest("POST", "/translate?model=pix2pix")
    connection.putheader("Content-Type", "application/octet-stream")
    connection.putheader("Content-Length", str(10**10))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_another_website_cannot_ask(address: tuple[str, int]) -> None:
    """Neither by a form, which needs no permission of this server, nor under a name that leads to this machine."""
    assert ask(address, "/digits?model=cgan&n=1&seed=0", b"", **{"Content-Type": "text/plain"})[0] == 415
    assert ask(address, "/models", Host="evil.example")[0] == 403
    assert ask(address, "/models", Host=f"localhost:{address[1]}")[0] == 200


def test_it_answers_where_it_says_that_it_listens(answers: Answers) -> None:
    with served(answers, "127.0.0.2") as where:
        assert ask(where, "/")[0] == 200
        assert ask(where, "/", Host="evil.example")[0] == 403
    with pytest.raises(UserError, match=r"try --host 127\.0\.0\.1"):
        app.server(answers, "::1")


def test_a_client_that_leaves_is_no_fault(answers: Answers, capsys: pytest.CaptureFixture[str]) -> None:
    """Before its upload is whole, and before it has the answer."""
    with served(answers) as (host, port):
        for content in (png()[:99], png()):
            with socket.create_connection((host, port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # leave with a reset
                client.sendall(
                    b"POST /translate?model=pix2pix&file=a.png HTTP/1.0\r\nHost: 127.0.0.1\r\n"
                    b"Content-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % len(png()) + content
                )
    assert capsys.readouterr().err == ""


def test_a_port_in_use_is_one_line(address: tuple[str, int], answers: Answers) -> None:
    with pytest.raises(UserError, match=r"cannot listen on 127\.0\.0\.1, port .*: Address already in use; try --port"):
        app.server(answers, port=address[1])


def test_an_upload_is_deleted_before_it_is_translated(
    answers: Answers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left = []
    monkeypatch.setattr("ganflow.app.answers.scale", lambda *_: (left.extend(tmp_path.iterdir()) or 1.0, ""))
    answers.translate("pix2pix", png(), {"file": "a.png"})
    assert left == []


def test_nothing_of_an_upload_stays(address: tuple[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    told(address, "/translate?model=pix2pix&file=a.png", png())
    ask(address, "/translate?model=pix2pix&file=a.png", b"no picture")
    assert list(tmp_path.iterdir()) == []
