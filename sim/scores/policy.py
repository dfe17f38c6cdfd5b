"""A trained policy and what is known of how well it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.run_files import RunFiles
from vgf_robot.bundle import Manifest

UNKNOWN = "unknown"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Where networks come from.

    Attributes:
        task: The environment.
        method: Such as `vgf`; `unknown` for an evaluation whose bundle is not there.
        seed: Of the training, None where it is not known.
        updates: Of the critic, None where it is not known.
    """

    task: str
    method: str
    seed: int | None
    updates: int | None

    @classmethod
    def of_manifest(cls, manifest: Manifest) -> Policy:
        """Return what a bundle's manifest says."""
        provenance: Mapping[str, Any] = manifest.provenance
        configuration = provenance.get("configuration")
        config: Mapping[str, Any] = configuration if isinstance(configuration, Mapping) else {}
        # Configurations from before there was a second method do not name theirs.
        method = config.get("method", "vgf") if config else UNKNOWN
        updates = provenance.get("critic_updates")
        return cls(task=manifest.environment, method=method, seed=config.get("seed"), updates=updates)

    @classmethod
    def of_run(cls, run: RunFiles) -> Policy:
        """Return what a run's folder says."""
        updates = run.checkpoints[-1].critic_updates if run.checkpoints else 0
        return cls(task=run.environment, method=run.method, seed=run.seed, updates=updates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One evaluation of one policy, or none of it.

    Attributes:
        policy: Whose.
        source: The file or folder that says so.
        bundle_sha256: Which bundle was run, None where none was.
        seed: Of the episodes.
        episodes: Per row.
        rows: As `eval` writes them; empty where there was no evaluation.
        sealed: Whether the row `tuned` is a sealed setting.
        flattered: Whether the setting was chosen on these very episodes.
        interrupted: Whether rows are missing.
    """

    policy: Policy
    source: str
    bundle_sha256: str | None = None
    seed: int | None = None
    episodes: int | None = None
    rows: Sequence[Row] = ()
    sealed: bool = False
    flattered: bool = False
    interrupted: bool = False

    def row(self, mode: str) -> Row | None:
        """Return the row of a mode, or None where it was not run."""
        return next((row for row in self.rows if row.get("mode") == mode), None)

    def same_episodes(self, other: Evaluated) -> bool:
        """Return whether the other one is the same evaluation by another way."""
        mine, theirs = ((e.bundle_sha256, e.seed, e.episodes, self._ways(e)) for e in (self, other))
        return bool(self.rows) and mine == theirs

    @staticmethod
    def _ways(evaluated: Evaluated) -> set[tuple[Any, ...]]:
        keys = ("mode", "num_particles", "max_steps", "step_size", "selection")
        return {tuple(row.get(key) for key in keys) for row in evaluated.rows}
