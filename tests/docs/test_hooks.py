"""Pages read the same on the site and in the repository."""

from __future__ import annotations

import runpy
from types import SimpleNamespace

import pytest

from tests.docs.blocks import DOCS

on_page_markdown = runpy.run_path(str(DOCS / "hooks.py"))["on_page_markdown"]
FILES = [SimpleNamespace(src_uri=name, inclusion=SimpleNamespace(is_excluded=lambda: False)) for name in ("safety.md",)]


def built(markdown: str) -> str:
    page = SimpleNamespace(file=SimpleNamespace(src_uri="page.md"))
    return on_page_markdown(markdown, page=page, config=None, files=FILES)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("See [configs/eval](../configs/eval).", "See `configs/eval`."),
        ("See [the arm](examples/my-arm).", "See the arm (`docs/examples/my-arm`)."),
        ("See [Safety](safety.md#states).", "See [Safety](safety.md#states)."),
        ("See [nothing](no-such-page.md).", "See [nothing](no-such-page.md)."),
        ("See [above](#heading).", "See [above](#heading)."),
        ("See [the paper](https://arxiv.org/abs/1).", "See [the paper](https://arxiv.org/abs/1)."),
    ],
)
def test_links_to_files_that_the_site_lacks_become_names(markdown, expected):
    assert built(markdown) == expected


def test_lists_and_tables_part_from_the_text_above():
    assert built("It has:\n- one\n- two\n  lines\n- three\n") == "It has:\n\n- one\n- two\n  lines\n- three\n"
    assert built("A table:\n| a |\n|---|\n| 1 |\n") == "A table:\n\n| a |\n|---|\n| 1 |\n"


def test_code_is_left_alone():
    code = "```bash\ntext\n- [a](../configs/eval)\n```"
    assert built(f"{code}\n") == f"{code}\n\n"


def test_a_list_parts_from_the_code_above():
    assert "```\n\n- one" in built("```bash\nls\n```\n- one\n")
