"""One address to one file: resumed, asked again, with bounds on how slow, how large and how often."""

import sys
import time
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from ganflow.errors import one_line, without_secrets

TIMEOUT = (10, 30)  # seconds to connect, and to wait for more data
ATTEMPTS = 3  # per address; an interrupted download is resumed
LONGEST_WAIT = 60  # seconds before the next attempt, whatever a server asks for
ASKED_AGAIN = (408, 429)  # request timeout, too many requests; and all from 500 on
LARGEST = 10**9  # bytes: the largest file of the data sets has 0.24 GB
SLOWEST = 20_000  # bytes a second over PATIENCE seconds: below it, the other sources are asked first
PATIENCE = 30
CHUNK = 1 << 20


class SourceError(Exception):
    """A source did not give a valid file; the next source may."""


class SlowSourceError(SourceError):
    """A source is very slow. It may be asked again, with patience."""


def download(url: str, partial: Path, note: Path, *, patient: bool) -> None:
    """Download `url` to `partial`, resuming what is there. `note`: the file that says what `partial` came from.

    Raises:
        SourceError: it cannot be fetched, or is larger than any file of the data sets.
        SlowSourceError: it would take very long, and is not asked for with patience.
    """
    reason, wait = "", 0
    for attempt in range(ATTEMPTS):
        time.sleep(max(attempt, wait))
        wait = 0
        try:
            _download_once(url, partial, note, patient)
        except requests.HTTPError as fault:
            answer = fault.response
            assert answer is not None, "raise_for_status gives it"
            reason = str(fault)  # status and address
            if answer.status_code < 500 and answer.status_code not in ASKED_AGAIN:
                break  # it will not change
            wait = min(LONGEST_WAIT, _number(answer.headers.get("Retry-After", "")))
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as fault:
            # requests nests the cause three deep: its class says what happened in one word.
            reason = f"not reachable ({type(fault).__name__})"  # ValueError: the address is none
        else:
            return
    raise SourceError(reason)


def _download_once(url: str, partial: Path, note: Path, patient: bool) -> None:
    offset, version, shown = 0, "", one_line(without_secrets(url))
    if partial.exists() and note.exists():
        origin, _, version = note.read_text(encoding="utf-8", errors="replace").partition("\n")
        offset = partial.stat().st_size if origin == shown and version else 0
    headers = {"Accept-Encoding": "identity"}
    if offset:
        # If-Range: should the file have changed meanwhile, the server sends it whole.
        headers |= {"Range": f"bytes={offset}-", "If-Range": version}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416:  # nothing to send: the partial file is complete, or the file has changed
            if answer.headers.get("Content-Range") == f"bytes */{offset}":
                return
            partial.unlink(missing_ok=True)
            raise requests.ConnectionError("the partial file does not match the server's")
        answer.raise_for_status()
        if answer.status_code != 206:
            offset = 0
        version = one_line(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        note.write_text(f"{shown}\n{version}", encoding="utf-8")
        length = _number(answer.headers.get("Content-Length", ""))
        total = offset + length if length else 0
        if total > LARGEST:
            raise SourceError(f"it announces {total / 1e9:,.1f} GB, where no file has more than {LARGEST / 1e9:g}")
        if not sys.stderr.isatty():  # a bar there would fill a log
            print(f"fetching {shown} ({total / 1e6:.1f} MB)", file=sys.stderr)
        with (
            partial.open("ab" if offset else "wb") as out,
            tqdm(
                total=total or None,
                initial=offset,
                desc=partial.name,
                unit="B",
                unit_scale=True,
                disable=None,  # where there is no terminal
            ) as bar,
        ):
            began, received = time.monotonic(), 0
            # read1, not iter_content: that one drops an incomplete chunk when the connection breaks.
            while chunk := answer.raw.read1(CHUNK):
                out.write(chunk)
                bar.update(len(chunk))
                received += len(chunk)
                if out.tell() > LARGEST:
                    partial.unlink()
                    raise SourceError(f"it sends more than {LARGEST / 1e9:g} GB")
                if not patient and (seconds := time.monotonic() - began) > PATIENCE:
                    if received < SLOWEST * seconds:
                        raise SlowSourceError(f"it sends only {received / seconds / 1000:.1f} kB a second")
                    began, received = time.monotonic(), 0
    if total and partial.stat().st_size != total:
        raise requests.ConnectionError("the connection ended early")


def _number(header: str) -> int:
    """The whole number in a header; 0 if it holds none."""
    return int(header) if header.isascii() and header.isdigit() and len(header) < 16 else 0
