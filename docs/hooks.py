"""What happens to a page before the site is built from it, so that it reads there as it does in the repository."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
_FENCE = re.compile(r"^( *)```.*?^\1```[ ]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]+)\]\((?P<path>[^)\s#:]+)(?:#[^)]*)?\)")
# A list or a table right below a line of text, which this site's Markdown would take for more of that text.
_CLINGING = re.compile(r"^(?![ |>#]|[*-] |\d+\. |<!--)(?P<text>.+)\n(?=[*-] |\d+\. |\|)", re.MULTILINE)


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Part lists and tables from what stands above them, and name files of the repository that the site does not have.

    Args:
        markdown: The page's source.
        page: Where it stands.
        config: The site's; not used.
        files: What the site has.
    """
    known = {file.src_uri for file in files if not file.inclusion.is_excluded()}
    folder = posixpath.dirname(page.file.src_uri)

    def named(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join("docs", folder, link["path"]))
        if posixpath.relpath(path, "docs") in known or not (REPOSITORY / path).exists():
            return link[0]  # a page, or a mistake that the build shall complain of
        return f"`{path}`" if link["text"].strip("`") in path else f"{link['text']} (`{path}`)"

    def prose(text: str) -> str:
        return _CLINGING.sub(r"\g<text>\n\n", _LINK.sub(named, text))

    done, parts = 0, list[str]()
    for fence in _FENCE.finditer(markdown):
        parts += [prose(markdown[done : fence.start()]), fence[0], "\n"]
        done = fence.end()
    return "".join([*parts, prose(markdown[done:])])
