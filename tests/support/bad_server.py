"""A local server that misbehaves in every way a real one does."""

import http.server
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

NAME = "train-images-idx3-ubyte.gz"
CONTENT = bytes(range(256)) * 4000  # about a megabyte


@dataclass
class Server:
    """What the local server serves, how it fails, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)  # of the next answers: bytes sent before hanging up
    ranges: bool = True
    etag: str = '"one"'
    refuse_with: list[int] = field(default_factory=list)  # status of the next answers
    headers: dict[str, str] = field(default_factory=dict)  # in place of its own
    endless: bool = False  # says no length, and sends its content again and again
    redirect: bool = False  # every file is elsewhere, in a circle
    asked: list[str] = field(default_factory=list)  # the Range of each request, or ""
    url: str = ""


@contextmanager
def serving() -> Iterator[Server]:
    """A server on this machine, until the end of the context."""
    state = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            state.asked.append(wanted)
            if state.refuse_with:
                self.send_response(state.refuse_with.pop(0))
                self._end_headers({"Content-Length": "0"})
                return
            if state.redirect:
                self.send_response(302)
                self._end_headers({"Location": f"/again{self.path}", "Content-Length": "0"})
                return
            content = state.files.get(self.path.lstrip("/"))
            if content is None:
                self.send_error(404)
                return
            first = 0
            if wanted and state.ranges and self.headers.get("If-Range") == state.etag:
                first = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
                if first >= len(content):
                    self.send_response(416)
                    self._end_headers({"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
                    return
            self.send_response(206 if first else 200)
            length = {} if state.endless else {"Content-Length": str(len(content) - first)}
            self._end_headers({"ETag": state.etag} | length)
            body = content[first:]
            with suppress(OSError):  # until the client has had enough
                while state.endless:
                    self.wfile.write(body)
            self.wfile.write(body[: state.cut_after.pop(0)] if state.cut_after else body)
            self.wfile.flush()
            self.close_connection = True

        def _end_headers(self, headers: dict[str, str]) -> None:
            for name, value in (headers | state.headers).items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        state.url = f"http://127.0.0.1:{listening.server_address[1]}/"
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield state
        finally:  # closed without it, the thread would ask a socket that is gone, for ever, at full speed
            listening.shutdown()
