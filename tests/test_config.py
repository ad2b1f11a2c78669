import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ganflow import config
from ganflow.errors import UserError

ROOT = Path(__file__).parents[1]


def changed(tmp_path: Path, key: str, value: Any) -> Path:
    """params.yaml with another value, or, of a section, with some other values."""
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    section, _, name = key.rpartition(".")
    if isinstance(value, dict):
        value = content[key] | value
    (content[section] if section else content)[name] = value
    path = tmp_path / "params.yaml"
    YAML(typ="safe").dump(content, path)
    return path


def test_the_committed_parameters_are_valid(params: config.Params) -> None:
    assert params.pix2pix.lambda_l1 == 100.0
    assert params.maps.direction == "aerial2map"


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("pix2pix.lambda_l1", "abc", r"pix2pix\.lambda_l1 = 'abc': input should be a valid number"),
        ("pix2pix.lambda_l1", -1, r"pix2pix\.lambda_l1 = -1: .*greater than or equal to 0"),
        ("pix2pix.lambda_l1", float("inf"), r"pix2pix\.lambda_l1 = inf: .*finite"),
        ("pix2pix.lambda_l1", None, r"pix2pix\.lambda_l1 = None"),
        ("pix2pix.lamda_l1", 3, r"pix2pix\.lamda_l1: no such parameter"),
        ("pix2pix.epochs", 2.5, r"pix2pix\.epochs = 2\.5: input should be a valid integer"),
        ("pix2pix.epochs", True, r"pix2pix\.epochs = True"),
        ("pix2pix.decay_epochs", 10**6, r"decay_epochs 1000000 is more than epochs"),
        ("pix2pix.norm", "layer", r"pix2pix\.norm = 'layer': .*'instance' or 'batch'"),
        ("maps.crop_size", 100, r"maps\.crop_size = 100"),
        ("maps.load_size", 64, r"crop_size 128 is larger than load_size 64"),
        ("maps.eval_size", 64, r"crop_size 128 is larger than eval_size 64"),
        ("gan.ema_share", 0.0, r"gan\.ema_share = 0\.0: .*greater than 0"),
        ("gan.critic_steps", 0, r"gan\.critic_steps = 0"),
        ("gan.beta2", 1.0, r"gan\.beta2 = 1\.0: .*less than 1"),
        ("gan.objective", "wgan", r"gan\.objective = 'wgan'"),
        ("gan.growing_epochs", -1, r"gan\.growing_epochs = -1: .*greater than or equal to 0"),
        ("cgan.growing_epochs", 6.5, r"cgan: growing_epochs 6\.5 is more than epochs 6"),
        ("cyclegan.aux_dim", 1025, r"cyclegan\.aux_dim = 1025: .*less than or equal to 1024"),
        ("gan", 3, r"gan = 3"),
        ("sed", 1, r"sed: no such parameter"),
        ("seed", -1, r"seed = -1"),
        ("data.seed", 2**31, r"data\.seed = 2147483648"),
    ],
)
def test_a_wrong_value_is_one_line_naming_key_value_and_bound(tmp_path: Path, key: str, value: Any, said: str) -> None:
    with pytest.raises(UserError) as fault:
        config.load_params(changed(tmp_path, key, value))
    assert re.search(said, str(fault.value))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("section", "changes", "said"),
    [
        ("pix2pix", {"objective": "wgan_gp", "norm": "batch"}, "pix2pix: objective wgan_gp with norm batch"),
        ("cvae", {"objective": "wgan_gp", "norm": "batch"}, "cvae: objective wgan_gp with norm batch"),
        ("pix2pix", {"lambda_gan": 0.0, "critic_steps": 5}, "pix2pix: critic_steps 5 with lambda_gan 0"),
        ("cvae", {"lambda_gan": 0.0, "lambda_l1": 0.0}, "cvae: lambda_l1 0 with lambda_gan 0"),
        ("cvae", {"lambda_kl": 0.0}, "cvae: prior learned with lambda_kl 0"),
        ("cyclegan", {"aux_dim": 8, "lambda_kl": 0.0}, "cyclegan: aux_dim 8 with lambda_kl 0"),
        ("gan", {"growing_epochs": 2.0, "start_from": "models/gan/last"}, "gan: growing_epochs 2 with start_from"),
        *(
            (task, {"objective": "wgan_gp", "lambda_gp": 0.0}, f"{task}: objective wgan_gp with lambda_gp 0")
            for task in ("gan", "cgan", "pix2pix", "cvae")
        ),
        *(
            (task, {"objective": "relativistic", "gamma": 0.0}, f"{task}: objective relativistic with gamma 0")
            for task in ("gan", "cgan", "pix2pix", "cvae")
        ),
        *(
            (task, {"objective": "relativistic", "norm": "batch"}, f"{task}: objective relativistic with norm batch")
            for task in ("gan", "cgan", "pix2pix", "cvae")
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    tmp_path: Path, section: str, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=said):
        config.load_params(changed(tmp_path, section, changes))


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("pix2pix", {"objective": "wgan_gp", "norm": "batch", "lambda_gan": 0.0}),  # no critic, so no conflict
        ("pix2pix", {"objective": "hinge", "norm": "batch"}),
        ("gan", {"objective": "wgan_gp", "norm": "none", "critic_steps": 5, "beta1": 0.0, "beta2": 0.9}),
        ("cvae", {"prior": "normal", "lambda_kl": 0.0}),
        ("cyclegan", {"aux_dim": 0, "lambda_kl": 0.0}),
        ("gan", {"growing_epochs": 12, "epochs": 12}),
    ],
)
def test_options_that_only_look_alike_are_taken(tmp_path: Path, section: str, changes: dict[str, Any]) -> None:
    assert getattr(config.load_params(changed(tmp_path, section, changes)), section)


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text("seed: 0\n")
    with pytest.raises(UserError, match=r"compute is missing \(and \d+ more\)"):
        config.load_params(path)


GOOD = (ROOT / "params.yaml").read_text()
BROKEN = {
    "empty": "",
    "blank": "\n \n",
    "list": "- 1\n",
    "number": "3\n",
    "unclosed": "a: [1\nb: 2",
    "nul": "\x00",
    "utf-16": GOOD.encode("utf-16"),
    "latin-1": GOOD.encode() + b"# caf\xe9\n",
    "bytes": bytes(range(256)),
    "deep list": f"{GOOD}x: {'[' * 5000}{']' * 5000}\n",
    "deep mapping": f"{GOOD}x: {'{a: ' * 3000}1{'}' * 3000}\n",
    "two documents": f"{GOOD}---\nseed: 1\n",
    "twice": f"{GOOD}seed: 1\n",
    "alias of itself": f"{GOOD}x: &a [*a]\n",
    "no anchor": f"{GOOD}x: *nowhere\n",
    "merged number": f"{GOOD}<<: 3\n",
    "list as key": f"{GOOD}? [a, b]\n: 1\n",
    "line break in a key": f'{GOOD}"a\\nb\\e[31m": 1\n',
    "many aliases": GOOD
    + "a0: &a0 [x, x, x, x]\n"
    + "".join(f"a{n + 1}: &a{n + 1} [{f'*a{n}, ' * 9}]\n" for n in range(20)),
    **{
        f"seed: {value[:20]}": GOOD.replace("seed: 0", f"seed: {value}", 1)
        for value in (
            *("1" * 5000, "0x" + "f" * 5000, "1" + "0" * 400, "2024-13-45", "2001-12-14t99:59:43Z"),
            *("!!float x", "!!int x", "!!bool x", "!!timestamp x", '!!binary "&&&"', "!!omap x", "!!set {1}"),
            *("!!python/object:os.system x", '"\\ud800"', "[1, 2]", "{a: 1}", "2024-01-01", ".nan"),
        )
    },
    "10**400": GOOD.replace("lambda_l1: 100.0", f"lambda_l1: 1{'0' * 400}", 1),
    "1e308": GOOD.replace("lambda_l1: 100.0", "lambda_l1: 1e308", 1),
    "10**30 epochs": GOOD.replace("epochs: 34", f"epochs: 1{'0' * 30}", 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_whatever_is_in_the_file_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    path, content = tmp_path / "params.yaml", BROKEN[name]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert content != GOOD
    with pytest.raises(UserError) as fault:
        config.load_params(path)
    assert str(fault.value).isprintable()
    assert len(str(fault.value)) < 700


def test_a_folder_in_its_place_is_one_line_and_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        config.load_params(tmp_path)
    (tmp_path / "params.yaml").write_text(GOOD, encoding="utf-8-sig")
    assert config.load_params(tmp_path / "params.yaml")


def test_numbers_as_dvc_writes_them_are_numbers(tmp_path: Path) -> None:
    """DVC writes 0.00001 as 1e-05, which YAML 1.1 takes for a string."""
    path = changed(tmp_path, "gan.learning_rate", 0.5)
    path.write_text(path.read_text().replace("learning_rate: 0.5", "learning_rate: 1e-05"))
    assert config.load_params(path).gan.learning_rate == 1e-5


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run from the project's root"):
        config.load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("profile", [path.name for path in (ROOT / "profiles").iterdir()])
def test_every_profile_gives_valid_parameters(tmp_path: Path, profile: str) -> None:
    content = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    sweeps = []
    for line in (ROOT / "profiles" / profile).read_text().splitlines():
        if line.startswith("#"):
            continue
        key, _, values = line.partition("=")
        *sections, name = key.split(".")
        part = content
        for section in sections:
            part = part[section]
        assert name in part, f"{profile}: {key} is not in params.yaml"
        choices = [YAML(typ="safe").load(value) for value in values.split(",")]
        part[name] = choices[0]
        sweeps.append((part, name, choices))
    for part, name, choices in sweeps:
        for choice in choices:
            part[name] = choice
            YAML(typ="safe").dump(content, tmp_path / "params.yaml")
            config.load_params(tmp_path / "params.yaml")


def test_sections_become_dotted_names() -> None:
    assert config.dotted({"a": {"b": {"c": 1}}, "d": 2}) == {"a.b.c": 1, "d": 2}
