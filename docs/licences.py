"""The licences of everything that `make setup` installs, as the packages' own metadata state them: docs/licences.md.

python docs/licences.py
"""

from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/licences.md"
HEAD = """# Licences

ganflow itself: MIT ([LICENSE](../LICENSE)).

## The data sets

They are downloaded from the addresses in `src/ganflow/data/fetch.py`, not distributed with ganflow (pictures in `docs/`
show a few tiles of the maps). ganflow's licence does not cover them:

- **MNIST** (LeCun, Cortes and Burges): no licence is stated with the files.
- **The maps of Pix2Pix**: tiles of Google Maps around New York City. They have no licence of their own; Google's terms
  apply.

The built-in data of `make demo` are towns that ganflow draws itself, and the handwritten digits of scikit-learn.

## The packages

ganflow holds no code of the packages below, which `make setup` downloads. The table has what each of them states about
itself, in the versions of `constraints.txt` (?: nothing), written by

    python docs/licences.py

The table tells what is there, not what to do. Worth a look before you pass on an environment or an image of it:
NVIDIA's libraries are proprietary; pygit2 and grandalf, which DVC needs, are under the GPL, pygit2 with an exception
for programs that link it.

| package | version | licence |
|---|---|---|
"""


def licence_of(package: metadata.PackageMetadata) -> str:
    """What a package states: an SPDX expression, else the names of its classifiers, else a text's first line.

    "" where it states nothing.
    """
    if expression := package.get("License-Expression"):
        return expression
    named = [entry.rpartition(" :: ")[2] for entry in package.get_all("Classifier", []) if entry.startswith("License")]
    if named := [name for name in named if name != "OSI Approved"]:
        return ", ".join(named)
    return (package.get("License") or "").strip().partition("\n")[0]


def rows() -> dict[str, str]:
    """A line of the table for each pinned package that is installed, by name."""
    found = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, is_pin, version = line.partition("==")
        if not is_pin:
            continue
        try:
            package = metadata.metadata(name)
        except metadata.PackageNotFoundError:  # of another platform
            continue
        found[name] = f"| {name} | {version} | {licence_of(package).replace('|', '/') or '?'} |"
    return found


if __name__ == "__main__":
    PAGE.write_text(HEAD + "".join(f"{row}\n" for row in rows().values()), encoding="utf-8")
