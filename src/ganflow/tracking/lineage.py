"""Where a run comes from: its commit and parameters, a name that says what differs, the commands to remake it."""

import getpass
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ganflow.config import dotted
from ganflow.templates import code, markdown
from ganflow.text import dvc_value, printable

NAME_LENGTH = 30  # letters of a run's name: about as many as MLflow's column shows
COMMIT = re.compile(r"[0-9a-f]{7,64}")
EXPERIMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")  # DVC's name of one, as git allows it and a shell takes it
_SETTING = r"""(?:[a-z][\w.]*=[\w@%+=:,./-]*|'[a-z][\w.]*=[^']*'(?:"'"'[^']*')*)"""  # as shlex.quote writes it
REMAKE = re.compile(
    rf"(?:git checkout {COMMIT.pattern} && )?(?:dvc repro|dvc exp run(?: -S {_SETTING})+) [a-z]\w*", re.ASCII
)
OWN = ("params.yaml", "dvc.lock")  # files that differ from the commit because of the run itself


@dataclass(frozen=True)
class Lineage:
    """The commit that a run starts from, and all that differs from it."""

    commit: str  # "" outside of git
    differences: dict[str, tuple[Any, Any]]  # parameter: (committed value, value of the run)
    changed: tuple[str, ...]  # other files that are not as committed
    stage: str  # of DVC
    experiment: str  # of DVC, or ""

    def name(self, task: str, params: dict[str, Any], source: str) -> str:
        """`lambda_l1=50.0 (brave-llama)`: what differs, and DVC's name of the experiment where it has one.

        It lists those of `params` that differ from the committed ones, the task's own by their short names; if none
        does, the commit. What differs comes first, because MLflow's column shows about twenty letters. The task is left
        out: each has its own list of runs. At most NAME_LENGTH letters: +3 counts the differences that are left out.
        """
        own = dotted(params)
        shown = [f"{key.removeprefix(f'{task}.')}={new}" for key, (_, new) in self.differences.items() if key in own]
        if source == "generated":
            shown.insert(0, "generated data")
        if not shown:
            shown = [f"as in {self.commit[:7]}" if self.commit else f"seed {own.get('seed', own.get('data.seed'))}"]
        first = _cut(shown[0], NAME_LENGTH * 3 // 5)  # it is cut only if it is longer than that: half a number misleads
        more = f" +{len(shown) - 1}" if shown[1:] else ""
        name = (
            f" ({_cut(self.experiment, NAME_LENGTH - len(first) - len(more) - len(' ()'))})" if self.experiment else ""
        )
        for count in range(len(shown), 1, -1):
            fewer = f" +{len(shown) - count}" if count < len(shown) else ""
            several = ", ".join([first, *shown[1:count]]) + fewer + name
            if len(several) <= NAME_LENGTH:
                return several
        return first + more + name

    def commands(self) -> list[str]:
        """The commands that remake the run in a clone."""
        if not self.commit:
            return [f"dvc repro {self.stage}"]
        if not self.differences:
            return [f"git checkout {self.commit}", f"dvc repro {self.stage}"]
        settings = " ".join(
            f"-S {shlex.quote(f'{key}={dvc_value(new)}')}" for key, (_, new) in self.differences.items()
        )
        return [f"git checkout {self.commit}", f"dvc exp run {settings} {self.stage}"]

    def description(self) -> str:
        """Markdown for the run's page."""
        parts = ["**Make it again**", "\n".join(f"    {printable(command)}" for command in self.commands())]
        if not self.commit:
            parts.append("The folder that it was trained in is no git repository: no commit says which code it was.")
        if self.changed:
            names = ", ".join(code(name) for name in self.changed[:5])
            more = f" and {len(self.changed) - 5} more" if len(self.changed) > 5 else ""
            parts.append(f"These commands may give another result: {names}{more} differed from the commit.")
        if self.experiment:
            parts.append(
                f"Its results from DVC, without training: `dvc exp apply {self.experiment}`. "
                f"The experiment's other runs: `ganflow runs {self.experiment}`"
            )
        if self.differences:
            rows = "\n".join(
                f"- {code(key)}: **{markdown(new)}** (in the commit {markdown(old)})"
                for key, (old, new) in self.differences.items()
            )
            parts += ["**Parameters that differ from the commit**", rows]
        return "\n\n".join(parts)

    def tags(self) -> dict[str, str]:
        """The same as tags, for searches and tools."""
        tags = {
            "mlflow.source.git.commit": self.commit,
            "mlflow.source.name": f"stages/{self.stage}.py",
            "mlflow.source.type": "LOCAL",
            "mlflow.user": _user(),
            "git.dirty": str(bool(self.changed or self.differences)) if self.commit else "",
            "git.changed": " ".join(self.changed)[:4000],
            "ganflow.remake": " && ".join(self.commands()),
            "dvc.stage": os.environ.get("DVC_STAGE", ""),
            "dvc.exp.name": self.experiment,
            "dvc.exp.baseline": os.environ.get("DVC_EXP_BASELINE_REV", ""),
        }
        return {tag: value for tag, value in tags.items() if value}


def lineage(task: str) -> Lineage:
    """The lineage of a run that starts now, in the current folder."""
    commit = well_formed(os.environ.get("DVC_EXP_BASELINE_REV", ""), COMMIT)
    # Of a repository around an unpacked archive the commit says nothing: params.yaml has to be in it.
    if not commit and _git("rev-parse", "--verify", "--quiet", "HEAD:./params.yaml"):
        commit = _git("rev-parse", "--verify", "--quiet", "HEAD")
    # Not stripped on the left: a leading blank is part of a status.
    changed = [line[3:] for line in _git("status", "--porcelain", "--untracked-files=no").splitlines() if commit]
    now = Path("params.yaml").read_text(encoding="utf-8") if Path("params.yaml").exists() else ""
    return Lineage(
        commit,
        changed_parameters(_git("show", "--end-of-options", f"{commit}:./params.yaml") if commit else "", now),
        tuple(name for name in changed if Path(name).name not in OWN),
        os.environ.get("DVC_STAGE") or f"train_{task}",
        well_formed(os.environ.get("DVC_EXP_NAME", ""), EXPERIMENT),
    )


def well_formed(tag: str, form: re.Pattern[str]) -> str:
    """A tag's value if it has this form, else "".

    A store may be shared, and whoever writes to it can write any tag. What is passed to git, or printed to be pasted
    into a shell, must therefore have the form that ganflow writes.
    """
    return tag if form.fullmatch(tag) and tag.isprintable() else ""


def changed_parameters(before: str, after: str) -> dict[str, tuple[Any, Any]]:
    """Parameters with other values in the YAML text `after` than in `before`; of new ones, the old value is None."""
    old, new = (dotted(YAML(typ="safe", pure=True).load(text) or {}) for text in (before, after))
    return {key: (old.get(key), value) for key, value in new.items() if old and old.get(key) != value}


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _user() -> str:
    """The name of who runs it, or "": a container's user may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    return done.stdout.rstrip() if done.returncode == 0 else ""
