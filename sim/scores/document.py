"""A page of tables and remarks, as Markdown or as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #26313d; max-width: 1040px; margin: 0 auto; padding: 24px 28px; }
h1 { font-size: 28px; } h2 { font-size: 21px; margin-top: 40px; } h3 { font-size: 16px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 13px; border-bottom: 1px solid #dde2e8; text-align: left; }
th { border-bottom: 2px solid #9aa4b0; } .number { text-align: right; }
div { overflow-x: auto; }
"""

NOT_RUN, NOT_EVALUATED = "not run", "trained, not evaluated"
NO_NUMBER = ("", "-", NOT_RUN, NOT_EVALUATED)  # what stands in the place of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table under its heading.

    Attributes:
        title: The heading.
        level: 2 or 3, of the heading.
        columns: Heads.
        rows: Cells, as many as columns; none where the section is remarks alone.
        notes: Sentences below it.
    """

    title: str
    level: int = 2
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()

    def is_number(self, column: int) -> bool:
        """Return whether a column holds numbers, which stand to the right; where there is none, there is a sign."""
        cells = [row[column] for row in self.rows if row[column] not in NO_NUMBER]
        return bool(cells) and all(cell.removeprefix("-")[:1].isdigit() for cell in cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A title, a lead, and tables."""

    title: str
    lead: str
    tables: Sequence[Table]


def as_markdown(document: Document) -> str:
    """Return the page as Markdown with pipe tables."""
    parts = [f"# {document.title}", document.lead]
    for table in document.tables:
        parts.append(f"{'#' * table.level} {table.title}")
        if table.rows:
            rule = ["---:" if table.is_number(column) else "---" for column in range(len(table.columns))]
            parts.append("\n".join(_pipes(cells) for cells in (table.columns, rule, *table.rows)))
        parts += table.notes
    return "\n\n".join(parts) + "\n"


def as_html(document: Document) -> str:
    """Return the page as one HTML file that needs no network."""
    body = [f"<h1>{escape(document.title)}</h1>", f"<p>{escape(document.lead)}</p>"]
    for table in document.tables:
        body.append(f"<h{table.level}>{escape(table.title)}</h{table.level}>")
        if table.rows:
            head, rows = _cells("th", table.columns, table), "".join(_cells("td", row, table) for row in table.rows)
            body.append(f"<div><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>")
        body += [f"<p>{escape(note)}</p>" for note in table.notes]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(document.title)}</title>'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _pipes(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _cells(kind: str, texts: Sequence[str], table: Table) -> str:
    classes = [' class="number"' if table.is_number(column) else "" for column in range(len(texts))]
    cells = (f"<{kind}{name}>{escape(text)}</{kind}>" for name, text in zip(classes, texts, strict=True))
    return f"<tr>{''.join(cells)}</tr>"
