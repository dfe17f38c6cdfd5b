"""Every error that the troubleshooting page quotes is one that the code can raise."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.docs.blocks import DOCS, ROOT, blocks_of

PACKAGES = ("vgf_robot", "policies", "export", "sim")
BLANK = "…"  # what the page and this test write for what the code fills in
QUOTES = [block for block in blocks_of(DOCS / "troubleshooting.md") if block.language == "error"]


@cache
def sentences() -> list[str]:
    """Return every text in the code, with a blank for each value in it."""
    files = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text())))
    return [plain(text) for node in nodes for text in texts_of(node)]


def texts_of(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield text_of(node)
    if isinstance(node, ast.Call):  # a refusal, which composes its sentence itself
        said = {each.arg: text_of(each.value) for each in node.keywords}
        if "expected" in said and "found" in said:
            kind = node.args[0].attr.lower() if node.args and isinstance(node.args[0], ast.Attribute) else BLANK
            advice = f"; {said['advice']}." if "advice" in said else "."
            yield f"{kind}: expected {said['expected']}, found {said['found']}{advice}"


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else BLANK
    return "".join(map(text_of, node.values)) if isinstance(node, ast.JoinedStr) else BLANK


def is_in_the_code(quote: str) -> bool:
    wanted = plain(quote).strip(f"{BLANK} ")
    return any(wanted in sentence for sentence in sentences())


def plain(text: str) -> str:
    """Return a text with single spaces, and one blank where several stand together."""
    return re.sub(rf"{BLANK}(?: ?{BLANK})+", BLANK, " ".join(text.split()))


@pytest.mark.parametrize("block", QUOTES, ids=lambda block: str(block.line))
def test_a_quoted_error_is_in_the_code(block) -> None:
    assert is_in_the_code(block.code), f"{block.place}: no code says '{block.code.strip()}'"


def test_there_are_enough_of_them():
    assert len(QUOTES) >= 20


@pytest.mark.parametrize(
    ("quote", "is_there"),
    [
        ("… is in use: another server runs there; stop it, or bind another path.", True),
        ("… is in use: another robot runs there", False),
        ("expected at most … clients, found one more", True),
        ("expected at most … clients, found two more", False),
    ],
)
def test_the_search_can_tell(quote: str, is_there: bool) -> None:
    assert is_in_the_code(quote) is is_there
