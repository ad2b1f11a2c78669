"""Names and commands of runs, over a small repository."""

import getpass
import shlex
import subprocess
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from ruamel.yaml import YAML

from ganflow.tracking.lineage import COMMIT, EXPERIMENT, NAME_LENGTH, REMAKE, changed_parameters, lineage, well_formed

COMMITTED = "seed: 0\ndata:\n  source: download\npix2pix:\n  lambda_l1: 100.0\n  norm: instance\n  epochs: 10\n"
PARAMS = {"seed": 0, "pix2pix": {"lambda_l1": 100.0, "norm": "instance", "epochs": 10}}


def git(*command: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    return subprocess.run(["git", *identity, *command], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "params.yaml").write_text(COMMITTED)
    (folder / "code.py").write_text("a = 1\n")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    return git("rev-parse", "HEAD")


def test_a_run_as_committed_is_named_by_its_commit(commit: str) -> None:
    found = lineage("pix2pix")
    assert found.name("pix2pix", PARAMS, "download") == f"as in {commit[:7]}"
    assert found.commands() == [f"git checkout {commit}", "dvc repro train_pix2pix"]
    assert found.tags()["git.dirty"] == "False"


def test_the_name_says_what_differs_and_the_command_remakes_it(commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command has all that differs, the name what concerns the run."""
    text = COMMITTED.replace("100.0", "50.0").replace("seed: 0", "seed: 3") + "gan:\n  epochs: 1\n"
    Path("params.yaml").write_text(text)
    monkeypatch.setenv("DVC_STAGE", "train_pix2pix")
    found = lineage("pix2pix")
    assert found.name("pix2pix", PARAMS, "download") == "seed=3, lambda_l1=50.0"
    assert found.commands()[1] == "dvc exp run -S seed=3 -S pix2pix.lambda_l1=50.0 -S gan.epochs=1 train_pix2pix"
    assert "- `pix2pix.lambda_l1`: **50.0** (in the commit 100.0)" in found.description()
    assert not found.changed, "params.yaml differs because of the run itself"


def test_an_experiment_is_named_too_and_has_its_baseline_as_commit(
    commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("params.yaml").write_text(COMMITTED.replace("100.0", "50.0"))
    git("commit", "-qam", "what dvc makes of an experiment in a temporary folder")
    monkeypatch.setenv("DVC_EXP_NAME", "brave-llama")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", commit)
    found = lineage("pix2pix")
    assert found.name("pix2pix", PARAMS, "download") == "lambda_l1=50.0 (brave-llama)"
    assert found.commands()[0] == f"git checkout {commit}"
    assert "dvc exp apply brave-llama" in found.description()


def test_generated_data_and_many_differences_fit_into_a_name(commit: str) -> None:
    Path("params.yaml").write_text("seed: 1\npix2pix:\n  lambda_l1: 1.0\n  norm: batch\n  epochs: 1\n")
    name = lineage("pix2pix").name("pix2pix", PARAMS, "generated")
    assert name == "generated data, seed=1 +3"


@pytest.mark.parametrize("experiment", ["", "brave-llama", "an-experiment-with-a-very-long-name"])
@pytest.mark.parametrize("value", ["batch", "a norm with a name that fills the column by itself"])
def test_a_name_has_at_most_thirty_letters_and_begins_with_what_differs(
    commit: str, monkeypatch: pytest.MonkeyPatch, experiment: str, value: str
) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", experiment)
    Path("params.yaml").write_text(COMMITTED.replace("norm: instance", f"norm: {value}").replace("10", "11"))
    name = lineage("pix2pix").name("pix2pix", PARAMS, "download")
    assert len(name) <= NAME_LENGTH
    assert name.startswith("lambda_l1=110.0"), "whole: half a number would mislead"
    assert experiment[:6] in name


def test_a_run_says_who_ran_what(commit: str) -> None:
    tags = lineage("pix2pix").tags()
    assert tags["mlflow.source.name"] == "stages/train_pix2pix.py"
    assert tags["mlflow.user"] == getpass.getuser()


def test_other_changes_are_told_as_the_command_cannot_bring_them_back(commit: str) -> None:
    Path("code.py").write_text("a = 2\n")
    found = lineage("pix2pix")
    assert found.changed == ("code.py",)
    assert "`code.py` differed from the commit" in found.description()
    assert found.tags()["git.dirty"] == "True"


def test_outside_of_git_there_is_still_a_name_and_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    found = lineage("pix2pix")
    assert found.name("pix2pix", PARAMS, "download") == "seed 0"
    assert found.commands() == ["dvc repro train_pix2pix"]
    assert "mlflow.source.git.commit" not in found.tags()


def test_values_that_a_shell_would_split_are_quoted(commit: str) -> None:
    Path("params.yaml").write_text(COMMITTED.replace("norm: instance", "norm: two words"))
    assert "-S 'pix2pix.norm=\"two words\"'" in lineage("pix2pix").commands()[1]


def test_differences_are_of_values() -> None:
    assert changed_parameters("a: 1\nb:\n  c: x\n", "a: 1\nb:\n  c: y\nd: 2\n") == {"b.c": ("x", "y"), "d": (None, 2)}
    assert changed_parameters("", "a: 1\n") == {}, "nothing to compare with"


@pytest.mark.parametrize("value", ["instance", "two words", "it's; rm -rf $HOME", "&& git push", '"', "ü", "'"])
def test_what_we_write_to_remake_a_run_is_taken_back(commit: str, value: str) -> None:
    settings = YAML(typ="safe").load(COMMITTED)
    settings["pix2pix"]["norm"] = value
    YAML(typ="safe").dump(settings, Path("params.yaml"))
    tag = lineage("pix2pix").tags()["ganflow.remake"]
    assert well_formed(tag, REMAKE) == tag


@pytest.mark.parametrize(
    "value",
    [
        *("pairs (2024)", "Fotos é", "2024", "1e5", "a,b", "a=b", "it's", "[x]", "null", "True", "~/x", 'q"x', "{a}"),
        *(
            "a && b",
            " a",
            "C:\\",
            '\\"',
            "models:/pix2pix@champion",
            "a#b",
            "$HOME",
            "",
            "plain",
            None,
            True,
            0.5,
            [0, 1],
        ),
    ],
)
def test_the_command_gives_back_the_very_value(commit: str, value: object, tmp_path: Path) -> None:
    """As the shell splits the command, and DVC reads it."""
    settings = YAML(typ="safe").load(COMMITTED)
    settings["pix2pix"]["norm"] = value
    YAML(typ="safe").dump(settings, Path("params.yaml"))
    again = tmp_path / "again.yaml"
    again.write_text(COMMITTED)
    words = shlex.split(lineage("pix2pix").commands()[1])
    apply_overrides(again, [words[words.index("-S") + 1]])
    assert YAML(typ="safe", pure=True).load(again)["pix2pix"]["norm"] == value


@pytest.mark.parametrize(
    "tag",
    [
        "rm -rf ~",
        "dvc repro train_pix2pix; rm -rf ~",
        "dvc repro train_pix2pix && rm -rf ~",
        "dvc repro --cwd=/ train_pix2pix",
        "git checkout --output=/etc/passwd && dvc repro train_pix2pix",
        "git checkout master && dvc repro train_pix2pix",
        "dvc exp run -S seed=$(rm) train_pix2pix",
        "dvc exp run -S 'seed=1'; rm -rf ~; echo '' train_pix2pix",
        "dvc exp run -S 'seed=1\x1b[2J' train_pix2pix",
        "dvc exp run -S 'seed=1\nrm -rf ~' train_pix2pix",
        "dvc exp run -S --run-all train_pix2pix",
        "dvc exp run train_pix2pix\n",
    ],
)
def test_other_commands_in_a_tag_are_not_printed_to_be_pasted(tag: str) -> None:
    assert well_formed(tag, REMAKE) == ""


@pytest.mark.parametrize("tag", ["--output=/tmp/x", "HEAD", "abc", "abcdef1:params.yaml", "abcdef1 x", "abcdef1\n"])
def test_a_commit_is_hexadecimal_digits(tag: str) -> None:
    assert well_formed(tag, COMMIT) == ""
    assert well_formed("abcdef1", COMMIT) == "abcdef1"


@pytest.mark.parametrize("tag", ["--temp", "a b", "a;b", "$(x)", "../x", "a\n"])
def test_an_experiments_name_is_a_word(tag: str) -> None:
    assert well_formed(tag, EXPERIMENT) == ""
    assert well_formed("brave-llama", EXPERIMENT) == "brave-llama"


def test_a_repository_around_the_folder_lends_it_no_commit(commit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive unpacked inside another project."""
    Path("unpacked").mkdir()
    Path("code.py").write_text("a = 2\n")
    monkeypatch.chdir("unpacked")
    Path("params.yaml").write_text(COMMITTED)
    found = lineage("pix2pix")
    assert (found.commit, found.changed, found.differences) == ("", (), {})
    assert found.commands() == ["dvc repro train_pix2pix"]
    assert "no commit says which code it was" in found.description()
