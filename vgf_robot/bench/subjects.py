"""What can be measured of a bundle on this machine, and its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from vgf_robot.bench.roofline import Roofline
from vgf_robot.bench.timing import BenchSettings, latency_rows, measure
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.controller import Controller
from vgf_robot.receipts import load_trusted, split_name

Row = dict[str, Any]
AfterRound = AbstractContextManager[Callable[[int], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One way to run a bundle.

    Attributes:
        backend: Its name, without a precision.
        variant: What runs.
        threads: Threads that a graph may use.
    """

    backend: str
    variant: Variant
    threads: int

    @property
    def name(self) -> str:
        """Backend and precision, as `--backend` takes them."""
        return f"{self.backend}:{self.variant.precision}"


def subjects_of(
    bundle: Bundle, backends: Sequence[str], precision: str | None, particles: Sequence[int], threads: Sequence[int]
) -> list[Subject]:
    """Return every combination; a backend's name may end in a precision.

    Args:
        bundle: The bundle.
        backends: Names.
        precision: Which alone; None for each that the bundle has, unless the name says.
        particles: Each N; empty for the bundle's own.
        threads: Each number of threads.

    Raises:
        BudgetError: The bundle has no variant of that N or precision.
    """
    point = bundle.manifest.operating_point
    found: list[Subject] = []
    for count in particles or (point.num_particles,):
        shape = (count, point.reference_steps)
        there = [v.precision for v in bundle.manifest.variants if (v.num_particles, v.reference_steps) == shape]
        for name, named in map(split_name, backends):
            wanted = named or precision
            for each in [wanted] if wanted else there or [None]:
                variant = bundle.variant(*shape, each)
                found += [Subject(backend=name, variant=variant, threads=number) for number in threads]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A subject that is ready to be measured.

    Attributes:
        subject: What.
        controller: Warmed up.
        facts: Device and library, as the backend says them.
    """

    subject: Subject
    controller: Controller
    facts: Mapping[str, str]

    @staticmethod
    def open(bundle: Bundle, subject: Subject) -> Opened:
        """Load and warm up.

        Raises:
            MachineError: The backend is not there, cannot compute the precision, or is beyond its limits here.
            ConfigError: Less than one thread.
        """
        variant = subject.variant
        graphs = load_trusted(subject.name)(bundle, variant, threads=subject.threads)
        key = (variant.num_particles, variant.reference_steps)
        controller = Controller(bundle.manifest, {key: graphs}, precision=variant.precision)
        controller.warm_up()
        return Opened(subject=subject, controller=controller, facts=getattr(graphs, "facts", {}))

    def rows(
        self,
        settings: BenchSettings,
        roofline: Roofline | None,
        progress: AfterRound,
        steps: Sequence[int] | None = None,
    ) -> list[Row]:
        """Measure, and return one row per number of steps; 0 to the cap where None are given."""
        subject = self.subject
        variant = subject.variant
        with progress as after_round:
            timings = measure(self.controller, settings, after_round, variant.num_particles, steps)
        facts = {
            "backend": subject.backend,
            "precision": variant.precision,
            "threads": subject.threads,
            "num_particles": variant.num_particles,
            "reference_steps": variant.reference_steps,
            "ticks": settings.ticks,
            **{name: self.facts[name] for name in ("device", "library") if name in self.facts},
        }
        rows = latency_rows(timings, facts)
        return rows if roofline is None else roofline.facts(variant, subject.backend, subject.threads, rows)
