"""Names that carry scripts, on every page that this project makes: none runs, and the text is shown as it is."""

from pathlib import Path

import pytest
from hostile import NAMES
from markdown_it import MarkdownIt
from playwright.sync_api import Page
from report_page import page as built
from report_page import pix2pix

from ganflow.comparison.page import page as compared
from ganflow.config import Params
from ganflow.report.model_card import build_card
from ganflow.text import printable
from ganflow.tracking import store
from ganflow.tracking.lineage import Lineage
from ganflow.tracking.reading import list_runs

ATTACKS = NAMES[:8]  # the others are for terminals and Markdown
SEEN = (
    "[document.body.textContent, ...[...document.querySelectorAll('*')].flatMap(one => [...one.attributes])"
    ".map(one => one.value ?? one)].join('\\n')"
)


def check(page: Page, text: str, file: Path, names: tuple[str, ...]) -> None:
    """`text` opens without a script of a name's, and shows `names` (in any case: titles begin with a capital)."""
    page.add_init_script("window.hits = 0; window.hit = () => { window.hits += 1; }; window.alert = window.hit;")
    file.write_text(text, encoding="utf-8")
    page.goto(file.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true; })")
    for button in page.get_by_role("button", name="enlarge").all():
        button.click()
        page.keyboard.press("Escape")
    assert page.evaluate("window.hits") == 0
    assert page.locator("svg, a[href^='javascript'], img[onerror]").count() == 0
    seen = page.evaluate(SEEN).lower()
    assert [name for name in names if name.lower() not in seen] == []


def test_the_report(page: Page, tmp_path: Path, params: Params) -> None:
    """Of a folder of pairs whose sides, classes and path have such names."""
    table = pix2pix()
    classes = list(NAMES[2:7])
    for row in table["rows"].values():
        row |= {f"{share}/{name}": (0.5, 0.02) for name in classes for share in ("iou", "precision", "recall")}
    table["about"] |= {"input": NAMES[0], "target": NAMES[1]}
    table["classes"] = classes
    hostile = params.model_copy(update={"pairs": params.pairs.model_copy(update={"folder": NAMES[7]})})
    text = built(tmp_path, hostile, source="folder", table=table, digits=[*NAMES[:8], "8", "9"])
    check(page, text, tmp_path / "index.html", ATTACKS)


def test_a_comparison(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two runs in a store that others write to."""
    monkeypatch.chdir(tmp_path)
    client = store.client()
    for name, other in (NAMES[:2], NAMES[2:4]):
        tags = {"ganflow.machine": other, "ganflow.data_source": NAMES[4], f"judged.{name[:4]}": NAMES[5]}
        run = client.create_run(store.experiment(client, "pix2pix"), run_name=name, tags=tags).info.run_id
        client.log_param(run, "pairs.folder", f"{NAMES[6]} {other}")
    text = compared(*list_runs(client, "pix2pix"))
    check(page, text, tmp_path / "compare.html", (*NAMES[:4], NAMES[6]))


def test_a_model_card_and_the_description_of_a_run(page: Page, tmp_path: Path) -> None:
    """As a page that lets HTML through would show them."""
    about = {"source": "folder", "checkpoint": "best", "epoch": 9, "n": 200, "size": 256, "test_data": "cd"}
    card = build_card(
        "pix2pix",
        model={
            "arguments": {"norm": NAMES[0]},
            "objective": NAMES[1],
            "best_by": NAMES[5],
            "source": "folder",
            "eval_size": 8,
        },
        weights_sha256="ef",
        table={"about": about | {"input": NAMES[2], "target": NAMES[3]}, "rows": {"model": {"mae": (10, 1)}}},
        training={"source": "folder", "name": NAMES[4], "train": 9, "val": 9, "load_size": 286, "digest": "ab"},
        parameters={"pairs": {"crop_size": 128, "folder": NAMES[6]}},
    )
    differences = {"pairs.folder": (NAMES[0], NAMES[1]), NAMES[7]: (NAMES[2], NAMES[10])}
    note = Lineage("abcdef1", differences, NAMES, "train_pix2pix", "").description()
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    for text, names in ((card.split("---\n", 2)[2], NAMES[:7]), (note, (*NAMES[:5], NAMES[7], printable(NAMES[10])))):
        check(page, renderer.render(text), tmp_path / "page.html", names)
