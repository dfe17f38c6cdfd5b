"""The site as it is built: strictly, whole, and without a network."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import vgf_robot
from tests.docs.blocks import DOCS, ROOT
from vgf_robot.verbs import VERBS

# What a browser fetches by itself, as opposed to a link that a reader may follow.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
NOT_FETCHED = ("canonical", "prev", "next", "edit")
OUTSIDE = re.compile(r"^(?:https?:)?//")
STYLE_OUTSIDE = re.compile(r"""(?:url\(|@import\s+)["']?(?:https?:)?//""")


class Assets(HTMLParser):
    """Collects what a page fetches from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        address = given.get(FETCHED.get(tag, ""), "") or ""
        if OUTSIDE.match(address) and given.get("rel") not in NOT_FETCHED:
            self.outside.append(f"<{tag}> {address}")


def fetched_from_outside(html: str) -> list[str]:
    assets = Assets()
    assets.feed(html)
    return assets.outside + STYLE_OUTSIDE.findall(html)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    wanted = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    assert wanted <= {path.relative_to(site) for path in site.rglob("*.html")}


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 10
    found = {page.name: fetched_from_outside(page.read_text()) for page in pages}
    assert not any('class="mermaid"' in page.read_text() for page in pages)  # drawn by a script that is fetched
    assert {name: outside for name, outside in found.items() if outside} == {}


def test_no_style_sheet_fetches_anything_from_elsewhere(site: Path) -> None:
    sheets = sorted(site.rglob("*.css"))
    assert sheets
    assert [sheet.name for sheet in sheets if STYLE_OUTSIDE.search(sheet.read_text())] == []


@pytest.mark.parametrize(
    ("html", "outside"),
    [
        ('<script src="https://cdn.example/x.js"></script>', True),
        ('<link rel="stylesheet" href="//fonts.example/css">', True),
        ('<style>@import "https://fonts.example/css";</style>', True),
        ('<a href="https://arxiv.org/abs/2604.14265">the paper</a>', False),
        ('<link rel="stylesheet" href="assets/main.css"><img src="a.svg">', False),
    ],
)
def test_the_search_tells_assets_from_links(html: str, outside: bool) -> None:
    assert bool(fetched_from_outside(html)) is outside


def test_the_links_of_the_front_page_lead_somewhere():
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text())
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_public_name_is_in_the_reference():
    page = (DOCS / "api.md").read_text()
    missing = [name for name in vgf_robot.__all__ if f"::: vgf_robot.{name}\n" not in page]
    assert missing == []


def test_the_reference_shows_docstrings(site: Path) -> None:
    page = (site / "api.html").read_text()
    assert "Return the command for an observation." in page  # Client.act
    assert "No server answers" not in page  # code is not shown


def test_every_verb_is_on_the_page_of_verbs_and_no_other():
    page = (DOCS / "verbs.md").read_text()
    assert sorted(re.findall(r"^\| \[?`(\w+)`", page, re.MULTILINE)) == sorted(VERBS)


def test_the_tree_of_the_architecture_page_is_the_tree():
    tree = re.search(r"```text\n(vgf_robot/.*?)```", (DOCS / "architecture.md").read_text(), re.DOTALL)
    assert tree is not None
    stated = re.findall(r"^  (\w+)/", tree[1], re.MULTILINE)
    contracts = (ROOT / "pyproject.toml").read_text()
    layers = re.findall(r"^  \"(vgf_robot\..*)\",$", contracts[contracts.index("layers = [") :], re.MULTILINE)
    order = [name for layer in layers for name in re.findall(r"vgf_robot\.(\w+)", layer)]
    there = {path.parent.name for path in (ROOT / "vgf_robot").glob("*/__init__.py")}
    assert stated == [name for name in order if name in there]  # from the top layer down, as the imports point
    assert set(stated) == there
    tops = {line.split("/")[0] for line in tree[1].splitlines() if re.match(r"\w+/", line)}
    assert all((ROOT / top).is_dir() for top in tops)
