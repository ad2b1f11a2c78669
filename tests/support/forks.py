"""Python programs in processes of their own that start at once: forks of one that has imported the slow libraries.

So are what such a process starts as stages of DVC or with torch's launcher.
"""

import logging
import multiprocessing
import multiprocessing.forkserver
import os
import re
import runpy
import signal
import subprocess
import sys
import tempfile
import types
from collections.abc import Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import IO, Any, Self
from unittest import mock

import new_stores

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["preloaded"])
# A stage's command in dvc.yaml. Not of check_params, the first one: DVC starts it by its shell as always.
STAGE = rf"(?:exec )?(?:env )?((?:\w+=\S+ )*)(?:python|{re.escape(sys.executable)}) (\S*stages/(?!check_params)\w+\.py)"


def start() -> None:
    """Have that process. Python 3.11 gives it no sys.path of ours, and passes over what it cannot import."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with mock.patch.dict(os.environ, PYTHONPATH=path):
        multiprocessing.forkserver.ensure_running()


class Fork:
    """What `subprocess.Popen([sys.executable, *words], ...)` is, seconds sooner. `words`: a script or `-m module`.

    Nothing of the caller's state is in the process. Of what `env` says, Python has read nothing: PYTHONPATH is put
    before sys.path; other variables that Python or a library reads when it starts have no effect. At the end of the
    context the process is killed if it still runs.
    """

    def __init__(self, words: list[str], cwd: Path, env: dict[str, str], *, session: bool = False) -> None:
        start()
        self._words, self._said = words, tempfile.TemporaryDirectory()
        target = (words, str(cwd), env, self._said.name, session)
        self.process = FORKS.Process(target=become, args=target)
        self.process.start()
        self.pid: int = self.process.pid  # pyright: ignore[reportAttributeAccessIssue]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()
        self._said.cleanup()

    def said(self, stream: str = "stderr") -> str:
        """What it has written so far."""
        path = Path(self._said.name, stream)
        return path.read_text() if path.exists() else ""

    def done(self, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self._words, timeout, self.said("stdout"), self.said())
        return subprocess.CompletedProcess(self._words, self.process.exitcode, self.said("stdout"), self.said())


def run(words: list[str], cwd: Path, env: dict[str, str], timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run([sys.executable, *words], ...)` gives."""
    with Fork(words, cwd, env) as process:
        return process.done(timeout)


def become(words: list[str], cwd: str, env: dict[str, str], said: str, session: bool = False) -> None:
    """What such a process does. `said`: a folder for the files stdout and stderr; `session`: in one of its own."""
    assert "preloaded" in sys.modules, "it was not found, so everything is imported anew"
    if session:
        os.setsid()
    for number, stream in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(said, stream), os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    if new_stores.TEMPLATE in env:
        new_stores.copy_tables()
    if words[:2] == ["-m", "dvc"]:
        logging.root.handlers.clear()  # mlflow's, which has not been imported there
    from dvc.stage import run as stages
    from torch.distributed.elastic.multiprocessing.subprocess_handler import subprocess_handler as launcher

    stages.subprocess = types.SimpleNamespace(Popen=of_dvc)  # pyright: ignore[reportAttributeAccessIssue]
    launcher.Popen = Child  # pyright: ignore[reportAttributeAccessIssue]
    _execute(words, cwd, env)


def _execute(words: list[str], cwd: str, env: dict[str, str]) -> None:
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [str(Path(cwd, path)) for path in env.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.orig_argv = [sys.executable, *words]
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).parent))
        runpy.run_path(words[0], run_name="__main__")


class Child(ForkProcess):
    """In place of `subprocess.Popen([python, *words], ...)` within a process of ours, which it is a fork of."""

    def __init__(
        self,
        args: Sequence[str],
        *,
        env: dict[str, str],
        cwd: str | None = None,
        stdout: IO[str] | None = None,
        stderr: IO[str] | None = None,
        start_new_session: bool = False,
    ) -> None:
        words = [word for word in args[1:] if word != "-u"]
        streams = [(stream.fileno(), number) for stream, number in ((stdout, 1), (stderr, 2)) if stream]
        super().__init__(target=_replace, args=(words, cwd or ".", env, streams, start_new_session))
        self.start()

    @property
    def returncode(self) -> int | None:
        return self.exitcode

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self.join(timeout)
        if self.exitcode is None:
            raise subprocess.TimeoutExpired("a fork", timeout or 0)
        return self.exitcode

    def communicate(self) -> None:
        self.join()


def _replace(words: list[str], cwd: str, env: dict[str, str], streams: list[tuple[int, int]], session: bool) -> None:
    """What a Child does."""
    if session:
        os.setsid()
    for stream, number in streams:
        os.dup2(stream, number)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):  # torch's launcher has handlers for them
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _execute(words, cwd, env)


def of_dvc(command: list[str], *, cwd: str, env: dict[str, str], **how: Any) -> "Child | subprocess.Popen[bytes]":
    """In place of the `subprocess.Popen` by which DVC has its shell run a stage's command."""
    found = re.fullmatch(STAGE, command[-1])
    if found is None:
        return subprocess.Popen(command, cwd=cwd, env=env, **how)
    given, script = found.groups()
    return Child(["python", script], cwd=cwd, env=env | dict(word.split("=", 1) for word in given.split()))
