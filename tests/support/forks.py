"""Python programs in processes of their own that start at once: forks of one that has imported the slow libraries."""

import logging
import multiprocessing
import multiprocessing.forkserver
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self
from unittest import mock

import new_stores

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["preloaded"])


def start() -> None:
    """Have that process. Python 3.11 gives it no sys.path of ours, and passes over what it cannot import."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    with mock.patch.dict(os.environ, PYTHONPATH=path):
        multiprocessing.forkserver.ensure_running()


def run(words: list[str], cwd: Path, env: dict[str, str], timeout: float = 180) -> subprocess.CompletedProcess[str]:
    """What `subprocess.run([sys.executable, *words], ...)` gives, seconds sooner. `words`: a script or `-m module`.

    Nothing of the caller's state is in the process. Of what `env` says, Python has read nothing: PYTHONPATH is put
    before sys.path; other variables that Python or a library reads when it starts have no effect.
    """
    with Fork(words, cwd, env) as fork:
        return fork.done(timeout)


class Fork:
    """As `run`, without waiting for the end of the process. It is killed at the end of the context."""

    def __init__(self, words: list[str], cwd: Path, env: dict[str, str]) -> None:
        start()
        self._words, self._folder = words, tempfile.TemporaryDirectory()
        self.process = FORKS.Process(target=become, args=(words, str(cwd), env, self._folder.name))
        self.process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.join()
        self._folder.cleanup()

    def said(self, stream: str) -> str:
        """What it has written to stdout or stderr so far."""
        return Path(self._folder.name, stream).read_text()

    def done(self, timeout: float = 180) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self._words, timeout)
        return subprocess.CompletedProcess(self._words, self.process.exitcode, self.said("stdout"), self.said("stderr"))


def become(words: list[str], cwd: str, env: dict[str, str], said: str) -> None:
    """What such a process does. `said`: a folder for the files stdout and stderr."""
    assert "preloaded" in sys.modules, "it was not found, so everything is imported anew"
    for number, stream in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(Path(said, stream), os.O_WRONLY | os.O_CREAT), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    new_stores.copy_tables()
    if words[:2] == ["-m", "dvc"]:
        logging.root.handlers.clear()  # mlflow's, which has not been imported there
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(words[0]).parent))
        runpy.run_path(words[0], run_name="__main__")
