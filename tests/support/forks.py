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
    start()
    with tempfile.TemporaryDirectory() as said:
        process = FORKS.Process(target=become, args=(words, str(cwd), env, said))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, timeout)
        out, error = (Path(said, stream).read_text() for stream in ("stdout", "stderr"))
    return subprocess.CompletedProcess(words, process.exitcode, out, error)


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
