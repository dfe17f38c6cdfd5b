"""What the documentation tells its readers to type does what it says."""

from __future__ import annotations

import os
import re
import socket
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, RUNNABLE, Block, Session, blocks_of, commands_of, first_missing

LEAST_SHARE_RUN = 0.6
PORT = re.compile(r"(?<=127\.0\.0\.1:)\d+")
RUN = {page: [block for block in blocks_of(page) if block.language in RUNNABLE] for page in PAGES}
PAGES_THAT_RUN = [page for page, blocks in RUN.items() if any(not block.not_run for block in blocks)]
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "MUJOCO_GL": "disable",
    "COLUMNS": "160",  # tables as wide as they want to be
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that a reader could have cloned into, so that what is written stays out of the tree."""
    for name in ("benchmarks", "configs", "docs", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.realtime
@pytest.mark.parametrize("page", PAGES_THAT_RUN, ids=lambda page: page.name)
def test_the_blocks_of_a_page_run(page: Path, folder: Path) -> None:
    session, ports = Session(folder, ENVIRONMENT), {}
    try:
        for block in RUN[page]:
            if not block.not_run:
                session.run(block, PORT.sub(lambda found: ports.setdefault(found[0], free_port()), block.code))
    finally:
        session.close()


def test_most_blocks_are_run():
    blocks = [block for blocks in RUN.values() for block in blocks]
    run = [block for block in blocks if not block.not_run]
    assert len(run) >= LEAST_SHARE_RUN * len(blocks), [f"{block.place}: {block.not_run}" for block in blocks]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def made(text: str) -> list[Block]:
    return blocks_of(ROOT / "README.md", text)


def test_a_block_knows_its_line_language_and_comment():
    first, second = made("# A page\n\n```yaml\na: 1\n```\n\n<!-- not run: takes an hour -->\n```bash\nmake\n```\n")
    assert (first.line, first.language, first.not_run) == (3, "yaml", "")
    assert (second.line, second.language, second.code, second.not_run) == (8, "bash", "make\n", "takes an hour")


def test_a_comment_belongs_to_the_next_block_alone():
    first, second = made("<!-- not run: a robot -->\n```bash\na\n```\n```bash\nb\n```\n")
    assert (first.not_run, second.not_run) == ("a robot", "")


def test_a_block_in_a_list_loses_its_indentation():
    (block,) = made("* A list:\n    ```python\n    if True:\n        pass\n    ```\n")
    assert block.code == "if True:\n    pass\n"


def test_a_console_block_is_commands_and_what_they_print():
    assert list(commands_of("$ a \\\n  b\nfirst\n...\n$ c\n")) == [("a \\\n  b", ["first", "..."]), ("c", [])]


@pytest.mark.parametrize(
    ("expected", "missing"),
    [
        (["one", "three"], None),
        (["one  two...", "three"], "one  two..."),
        (["of  them", "three"], None),
        (["t...them", "three"], None),
        (["three", "one"], "one"),
        (["four"], "four"),
    ],
)
def test_expected_lines_are_looked_for_in_their_order(expected: list[str], missing: str | None) -> None:
    assert first_missing(expected, "one\ntwo of them\nthree\n") == missing


def test_a_block_that_fails_is_noticed(folder: Path) -> None:
    session = Session(folder, ENVIRONMENT)
    for text in ("```bash\nfalse\ntrue\n```", "```console\n$ echo one\ntwo\n```"):
        (block,) = made(text)
        with pytest.raises(AssertionError, match=r"README\.md:1"):
            session.run(block, block.code)
    (block,) = made("<!-- until: ready -->\n```bash\necho never\n```")
    with pytest.raises(AssertionError, match="ended early"):
        session.run(block, block.code)
    session.close()
