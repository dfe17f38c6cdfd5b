"""What a bundle brings into a server: its facts, and the controller that runs it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from vgf_robot.backends import Backend, Graphs
from vgf_robot.bundle import Bundle, Manifest
from vgf_robot.controller import Controller
from vgf_robot.controller.variant import VariantKey
from vgf_robot.profile import at_working_point
from vgf_robot.receipts import load_trusted, split_name
from vgf_robot.wire.handshake import welcome
from vgf_robot.wire.messages import Welcome
from vgf_robot.wire.settings import ServeSettings


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ServedBundle:
    """A bundle that can be served.

    Attributes:
        source: Where it was asked for: a folder or the name of a shipped bundle.
        bundle: Verified.
        controller: Runs it, with every N that a budget may choose.
        facts: The answer to a hello.
        graphs: Those of the controller, so that they can be let go one by one.
        opener: What opened them; looking for it again would take longer than a tick.
    """

    source: str | Path
    bundle: Bundle
    controller: Controller
    facts: Welcome
    graphs: tuple[Graphs, ...]
    opener: Backend

    @property
    def manifest(self) -> Manifest:
        """The bundle's."""
        return self.bundle.manifest

    @property
    def sha256(self) -> str:
        """Hash that names the bundle."""
        return self.bundle.sha256

    @staticmethod
    def open(source: str | Path, settings: ServeSettings, clock: Callable[[], int] = time.monotonic_ns) -> ServedBundle:
        """Load a bundle and warm it up; nobody may be waiting meanwhile.

        Args:
            source: A folder or the name of a shipped bundle.
            settings: The server's.
            clock: Monotonic nanoseconds, the server's clock.

        Raises:
            BundleError: There is no such bundle, or something in it is not as it was sealed.
            MachineError: No such backend, or its library is missing.
        """
        policy = ServedBundle.load(source, settings, clock)
        policy.controller.warm_up()
        return policy

    @staticmethod
    def load(
        source: str | Path,
        settings: ServeSettings,
        clock: Callable[[], int] = time.monotonic_ns,
        accept: Callable[[Welcome], object] = lambda _: None,
        opener: Backend | None = None,
    ) -> ServedBundle:
        """Load a bundle without running it: its costs are unknown.

        Args:
            source: As for `open`.
            settings: As for `open`.
            clock: As for `open`.
            accept: Called with the facts before graphs are loaded; raises where this bundle is not wanted.
            opener: The backend, where it is at hand.

        Raises:
            BundleError: As for `open`.
            MachineError: As for `open`.
        """
        opener = opener or load_trusted(settings.backend)
        # A link is followed once: manifest, hashes and graphs are then of one folder, even where it is switched now.
        bundle = Bundle.load(Path(source).resolve() if Path(source).is_dir() else source)
        bundle = at_working_point(bundle, settings.profile, settings.deadline_share, split_name(settings.backend)[1])
        manifest, facts = bundle.manifest, welcome(bundle.manifest, bundle.sha256, settings)
        accept(facts)
        steps, precision = manifest.operating_point.reference_steps, split_name(settings.backend)[1]
        # Every N is loaded here: that takes far longer than a tick, and no request may wait for it.
        graphs: dict[VariantKey, Graphs] = {
            (num, steps): opener(bundle, bundle.variant(num, steps, precision), threads=settings.threads)
            for num in manifest.particle_counts
        }
        return ServedBundle(
            source=source,
            bundle=bundle,
            controller=Controller(manifest, graphs, settings.controller, clock, precision=precision),
            facts=facts,
            graphs=tuple(graphs.values()),
            opener=opener,
        )
