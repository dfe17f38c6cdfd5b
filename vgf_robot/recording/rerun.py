"""A recorded tick, run again: the same noise, steps and rung give the same action, bit for bit on the same backend."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Graphs, Selected, load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.controller import ControllerSettings, Episode, Reason, Rung
from vgf_robot.controller.limits import Limits
from vgf_robot.controller.noise import NoiseStream
from vgf_robot.controller.stages import NO_DEADLINE_NS, Stages
from vgf_robot.controller.variant import PreparedVariant, VariantKey, warm_up
from vgf_robot.errors import BudgetError, BundleError, VgfError
from vgf_robot.recording.step_path import StepPath
from vgf_robot.telemetry import TickRecord, array_of

Floats = NDArray[np.float32]
# Robots whose last particles are remembered, to be scored again.
MAX_ROBOTS = 1024


class UnrepeatableError(VgfError):
    """A recorded tick cannot be run again; the recording lacks what it depended on, or the bundle does."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a recorded tick gives when it is run again.

    Attributes:
        action: Shape (A,), in the robot's units, inside the limits and before engagement.
        value: Of the chosen particle; None on the rungs hold and safe, as the next three.
        spread: Of that value over the ensemble.
        displacement: Of the chosen particle, in normalised action units.
        index: Which particle was chosen.
        limited: Largest change that the limits made to an entry of the action.
        path: Shape (L + 1, N, A), the particles from the reference to the last of L steps, in normalised action units;
            for a re-scored tick those of the tick that drew them, None where no particles were drawn.
        reference_ns: What drawing took now.
        step_ns: What each step took now.
        select_ns: What choosing took now.
    """

    action: Floats
    value: float | None
    spread: float | None
    displacement: float | None
    index: int | None
    limited: float
    path: Floats | None
    reference_ns: int
    step_ns: tuple[int, ...]
    select_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """Particles after their steps, copied.

    Attributes:
        tick: Which drew them.
        variant: Which graphs they belong to.
        particles: Shape (N, A).
        displacement: Shape (N,).
        path: As in `Replayed`.
        stages: What ran.
    """

    tick: int
    variant: PreparedVariant
    particles: Floats
    displacement: Floats
    path: Floats
    stages: Stages


@final
class Rerun:
    """Runs recorded ticks on one bundle; give it those of a recording in order, as a tick may need an earlier one.

    Args:
        bundle: The recorded one or another one for the same robot.
        backend: What runs the graphs.
        precision: Of the graphs; None for the first that the bundle lists.
        threads: Threads of the backend.
        clock: Monotonic nanoseconds.

    Raises:
        MachineError: No such backend, or its library is missing.
    """

    def __init__(
        self,
        bundle: Bundle,
        *,
        backend: str = "onnxruntime-cpu",
        precision: str | None = None,
        threads: int = 1,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.bundle = bundle
        self._opener = load_backend(backend)
        self._precision = precision
        self._threads = threads
        self._clock = clock
        self._limits = Limits(bundle.manifest)
        self._safe = np.array(bundle.manifest.safe_action, np.float32)
        self._variants: dict[VariantKey, tuple[PreparedVariant, StepPath]] = {}
        self._drawn: OrderedDict[tuple[str, str, int, int], _Drawn] = OrderedDict()

    def run(self, record: TickRecord) -> Replayed:
        """Run a tick again.

        Args:
            record: The tick; those of its episode that it depends on were run before.

        Raises:
            UnrepeatableError: The bundle has no graphs for it, or an earlier tick is missing.
            BundleError: The bundle is for another robot.
        """
        self._require_same_robot(record)
        if record.rung in (Rung.TRANSPORT, Rung.REFERENCE):
            return self._fresh(record)
        if record.rung is Rung.RESCORED:
            return self._rescored(record)
        action = self._safe if record.rung is Rung.SAFE else _previous(record)
        if action is None:
            raise UnrepeatableError("It holds an action that is not recorded.")
        return self._replayed(record, action, None, None, None)

    def _fresh(self, record: TickRecord) -> Replayed:
        drawn = self._draw(record)
        selected = _selected(drawn.stages, drawn.variant, drawn.particles)
        if np.isfinite(drawn.particles).all():
            key = _robot(record)
            self._drawn[key] = drawn
            self._drawn.move_to_end(key)
            if len(self._drawn) > MAX_ROBOTS:
                self._drawn.popitem(last=False)
        return self._replayed(record, selected.action, selected, drawn, drawn.stages)

    def _rescored(self, record: TickRecord) -> Replayed:
        drawn = self._drawn.get(_robot(record))
        if drawn is None or drawn.tick != record.particles_tick:
            raise UnrepeatableError("It scores particles of an earlier tick again that is not in the recording.")
        stages = self._stages(record, drawn.variant)
        selected = _selected(stages, drawn.variant, drawn.particles)
        return self._replayed(record, selected.action, selected, drawn, stages)

    def _draw(self, record: TickRecord) -> _Drawn:
        variant, path = self._variant(record)
        path.steps.clear()
        stages = self._stages(record, variant)
        origin = stages.draw()
        if origin is None:  # there is no deadline that could forbid it
            raise UnrepeatableError("No particles were drawn.")
        first = origin.copy()
        particles, displacement = stages.transport(origin)
        return _Drawn(
            tick=record.tick,
            variant=variant,
            particles=particles.copy(),
            displacement=displacement.copy(),
            path=np.stack([first, *path.steps]),
            stages=stages,
        )

    def _stages(self, record: TickRecord, variant: PreparedVariant) -> Stages:
        # As many steps as were taken, whatever ended them then.
        point = msgspec.structs.replace(record.point, max_steps=record.steps, min_gain=None)
        return Stages(
            variant=variant,
            point=point,
            episode=Episode(NoiseStream(record.seed), tick=record.tick),
            observation=_observation(record),
            deadline_ns=NO_DEADLINE_NS,
            steps_until_ns=NO_DEADLINE_NS,
            clock=self._clock,
            between_stages=None,
        )

    def _replayed(
        self,
        record: TickRecord,
        action: Floats,
        selected: Selected | None,
        drawn: _Drawn | None,
        stages: Stages | None,
    ) -> Replayed:
        passed_ns = self._limits.period_ns if record.since_previous_ns is None else record.since_previous_ns
        limited_action, limited = self._limits.apply(action.copy(), _previous(record), passed_ns)
        index = None if selected is None else selected.index
        return Replayed(
            action=limited_action,
            value=None if selected is None else float(selected.values[selected.index]),
            spread=None if selected is None else selected.spread,
            displacement=None if drawn is None or index is None else float(drawn.displacement[index]),
            index=index,
            limited=limited,
            path=None if drawn is None else drawn.path,
            reference_ns=0 if stages is None else stages.reference_ns,
            step_ns=() if stages is None else tuple(stages.step_ns),
            select_ns=0 if stages is None else stages.select_ns,
        )

    def _variant(self, record: TickRecord) -> tuple[PreparedVariant, StepPath]:
        key = record.point.num_particles, record.point.reference_steps
        found = self._variants.get(key)
        if found is None:
            try:
                listed = self.bundle.variant(*key, self._precision)
            except BudgetError as error:
                raise UnrepeatableError(str(error)) from error
            graphs: Graphs = self._opener(self.bundle, listed, threads=self._threads)
            path, settings = StepPath(graphs), ControllerSettings()
            variant = PreparedVariant(key, self.bundle.manifest, path, settings)
            warm_up(variant, self.bundle.manifest, settings, self._clock)
            found = self._variants[key] = variant, path
        return found

    def _require_same_robot(self, record: TickRecord) -> None:
        manifest = self.bundle.manifest
        sizes = {"observation": manifest.observation_size, "action": manifest.action_size}
        for name, size in sizes.items():
            array = getattr(record, name)
            if array is not None and array.shape != (size,):
                raise BundleError(
                    f"Bundle '{manifest.name}' is for another robot: expected its {size} numbers of {name}, found "
                    f"{array.shape[0]} in the recording of '{record.bundle}'; give a bundle for that robot."
                )


def _selected(stages: Stages, variant: PreparedVariant, particles: Floats) -> Selected:
    selected = stages.select(variant, particles)
    if isinstance(selected, Reason):
        raise UnrepeatableError("The graphs give an action or a value that is not finite.")
    return selected


def _observation(record: TickRecord) -> Floats:
    if record.observation is None:
        raise UnrepeatableError("Its observation is not recorded.")
    return array_of(record.observation)


def _previous(record: TickRecord) -> Floats | None:
    return None if record.previous_action is None else array_of(record.previous_action)


def _robot(record: TickRecord) -> tuple[str, str, int, int]:
    return record.source, record.identity, record.episode, record.seed
