"""The page of `ganflow app` over HTTP, for this machine alone: no address outside, no request larger than allowed."""

import errno
import json
import sys
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ganflow.app.answers import Answers
from ganflow.errors import UserError, without_secrets

PAGE = Path(__file__).with_name("page.html")
MOST_BYTES = 64 * 2**20  # of an uploaded file
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def server(answers: Answers, host: str = "127.0.0.1", port: int = 0) -> ThreadingHTTPServer:
    """A server of the page, listening; `serve_forever` answers. Port 0: any free one.

    Raises:
        UserError: it cannot listen there.
    """

    class Bound(_Handler):
        asked_of = answers
        names = (*LOOPBACK, host) if host.startswith("127.") or host == "localhost" else ()

    try:
        return _Server((host, port), Bound)
    except OSError as fault:
        other_port = isinstance(fault, PermissionError) or fault.errno == errno.EADDRINUSE
        way = f"--port {port + 1}" if other_port else "--host 127.0.0.1, or another IPv4 address of this machine"
        raise UserError(f"cannot listen on {host}, port {port}: {fault.strerror}; try {way}") from None


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print the traceback of a fault; that a client has left is none: a page that is loaded again does so."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    asked_of: Answers
    names: tuple[str, ...]  # by which it may be asked; (): by any
    timeout = 60  # seconds that a client may be silent

    def do_GET(self) -> None:
        match urlsplit(self.path).path:
            case "/":
                self._send(200, "text/html; charset=utf-8", PAGE.read_bytes())
            case "/models":
                self._answer(self.asked_of.models)
            case _:
                self._refuse(404, "there is no such page: /")

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        asked = dict(parse_qsl(url.query))
        name = asked.get("model", "")
        # A form on another website cannot send this type: the browser asks first, and no is the answer.
        if self.headers.get("Content-Type") != "application/octet-stream":
            self._refuse(415, "it takes Content-Type: application/octet-stream")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._refuse(411, "it takes Content-Length")
        elif int(length) > MOST_BYTES:
            self._refuse(413, f"the file has {int(length) / 2**20:.0f} MB, and this page takes {MOST_BYTES // 2**20}")
        elif url.path == "/translate":
            content = self.rfile.read(int(length))
            self._answer(lambda: self.asked_of.translate(name, content, asked))
        elif url.path == "/digits":
            self._answer(lambda: self.asked_of.digits(name, asked))
        else:
            self._refuse(404, "there is no such address")

    def parse_request(self) -> bool:
        """Refuse a request under another name: a website whose name leads to this machine could read the answers."""
        if not super().parse_request():
            return False
        name = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if self.names and name not in self.names:
            self._refuse(403, "this page is for this machine: http://127.0.0.1")
            return False
        return True

    def _answer(self, work: Callable[[], Any]) -> None:
        try:
            content = work()
        except UserError as fault:
            self._refuse(400, without_secrets(str(fault)))
        except Exception:
            traceback.print_exc()
            self._refuse(500, "that went wrong: the terminal of `ganflow app` says why")
        else:
            self._send(200, "application/json", json.dumps(content).encode())

    def _refuse(self, status: int, why: str) -> None:
        self._send(status, "application/json", json.dumps({"error": why}).encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        for name, value in {**HEADERS, "Content-Type": kind, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def version_string(self) -> str:
        return "ganflow"

    def log_message(self, *_: object) -> None:
        """Nothing: the page shows what happened."""
