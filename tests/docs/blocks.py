"""The fenced blocks of the documentation, and how they are run.

Every `python`, `bash` and `console` block is run, unless a comment stands before it. All blocks of a page share a
folder and, those of Python, their names. A `console` block has lines of `$ command`, and below each texts that are
in the lines which it prints, with `...` for what is left out. The comments are:

    <!-- not run: REASON -->     it takes an hour, needs a robot, or changes the machine
    <!-- until: TEXT -->         it goes on beside the blocks below, which wait for this text in its output
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
RUNNABLE = ("python", "bash", "console")
PATIENCE_S = 120.0  # a bound for a machine that is busy with other things
_FENCE = re.compile(
    r"(?:<!-- (?P<word>not run|until): (?P<text>.+?) -->\s*\n)?"
    r"^(?P<indent>[ ]*)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```[ ]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    code: str
    not_run: str = ""
    until: str = ""

    @property
    def place(self) -> str:
        """Where it stands, for a person."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path, text: str | None = None) -> list[Block]:
    """Return every fenced block of a page, whatever its language."""
    text = page.read_text(encoding="utf-8") if text is None else text
    return [_block(page, text, match) for match in _FENCE.finditer(text)]


def _block(page: Path, text: str, match: re.Match[str]) -> Block:
    indent = len(match["indent"])
    return Block(
        page=page,
        line=text.count("\n", 0, match.start("indent")) + 1,
        language=match["language"],
        code="".join(line[indent:] for line in match["code"].splitlines(keepends=True)),
        not_run=match["text"] if match["word"] == "not run" else "",
        until=match["text"] if match["word"] == "until" else "",
    )


class Session:
    """One reader who types in every block of a page, one after the other.

    Args:
        folder: Where it is done; the tree's configurations lie there too.
        environment: Of the processes.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        self._names: dict[str, object] = {"__name__": "__main__"}
        self._beside: list[subprocess.Popen[str]] = []

    def run(self, block: Block, code: str) -> None:
        """Run a block; an AssertionError says where it stands and what went wrong.

        Args:
            block: Where it is from.
            code: What to run, its ports perhaps replaced.
        """
        if block.language == "python":
            exec(compile(code, block.place, "exec"), self._names)
        elif block.until:
            self._begin(block, code)
        elif block.language == "bash":
            found = self._bash(f"set -euo pipefail\n{code}")
            assert found.returncode == 0, f"{block.place} left with {found.returncode}:\n{found.stdout}"
        else:
            for command, expected in commands_of(code):
                found = self._bash(command)
                missing = first_missing(expected, found.stdout)
                assert missing is None, f"{block.place}: `{command}` did not print '{missing}' but:\n{found.stdout}"

    def close(self) -> None:
        """End what still runs beside the page."""
        for process in self._beside:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)

    def _bash(self, code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", code],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def _begin(self, block: Block, code: str) -> None:
        log = self._folder / f"line-{block.line}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                shlex.split(code.removeprefix("$ "), comments=True),
                cwd=self._folder,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._beside.append(process)
        deadline_s = time.monotonic() + PATIENCE_S
        while block.until not in log.read_text():
            assert process.poll() is None, f"{block.place} ended early:\n{log.read_text()}"
            assert time.monotonic() < deadline_s, f"{block.place} never printed '{block.until}':\n{log.read_text()}"
            time.sleep(0.05)


def commands_of(code: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of a console block, each with the lines that stand below it."""
    command, expected = "", []
    for line in code.splitlines():
        if line.startswith("$ "):
            if command:
                yield command, expected
            command, expected = line.removeprefix("$ "), []
        elif command.endswith("\\"):
            command += f"\n{line}"
        else:
            expected.append(line)
    if command:
        yield command, expected


def first_missing(expected: list[str], printed: str) -> str | None:
    """Return the first expected text that no line of the output holds, in this order; `...` stands for anything."""
    lines = iter(" ".join(line.split()) for line in printed.splitlines())
    for wanted in expected:
        words = " ".join(wanted.split())
        if words in ("", "..."):
            continue
        pattern = re.compile(re.escape(words).replace(re.escape("..."), ".*"))
        if not any(pattern.search(line) for line in lines):
            return wanted
    return None
