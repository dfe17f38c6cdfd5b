"""`vgf-robot results`: one page of what evaluations, bundles and runs say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from sim.scores import Document, Evaluated, as_html, as_markdown, read_sources, results_document
from sim.whole_file import write_whole
from vgf_robot.errors import ConfigError
from vgf_robot.results import require_writable, write_json
from vgf_robot.verbs import parse

_EXAMPLE = "vgf-robot results out/hopper-sweep.json bundles/hopper runs/cube-single-play --out docs/table.md"
_FORMS: dict[str, Callable[[Document], str]] = {".md": as_markdown, ".html": as_html}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `results`."""

    sources: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="SOURCE")]
    """Run folders, bundles, and files that `eval --json` wrote."""
    out: Path
    """The page, .md or .html; an older one is replaced."""
    json: Path | None = None
    """Write every row with the policy it is of to this file."""


def main(argv: Sequence[str]) -> int:
    """Write the page and return the exit code."""
    options = parse(Options, argv, "results", _EXAMPLE)
    if options.out.suffix not in _FORMS:
        raise ConfigError(f"--out: expected a name that ends in {' or '.join(_FORMS)}, found '{options.out}'.")
    if not options.sources:
        raise ConfigError(f"No source is given; name run folders, bundles or evaluations: {_EXAMPLE}")
    require_writable(options.out)
    evaluations = read_sources(options.sources)
    write_whole(options.out, _FORMS[options.out.suffix](results_document(evaluations)))
    if options.json is not None:
        rows = [_labelled(evaluated, row) for evaluated in evaluations for row in evaluated.rows]
        write_json(options.json, "results", {"sources": list(map(str, options.sources)), "out": options.out}, rows)
    print(f"{options.out}: {len(evaluations)} evaluations from {len(options.sources)} sources.")
    return 0


def _labelled(evaluated: Evaluated, row: Any) -> dict[str, Any]:
    policy = evaluated.policy
    facts = {"method": policy.method, "training_seed": policy.seed, "critic_updates": policy.updates}
    return {"source": evaluated.source, **facts, "seed": evaluated.seed, **row, "task": policy.task}
