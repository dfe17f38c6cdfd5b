"""The controller: an observation, a deadline and a budget in; a command out, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import SupportsIndex

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.backends import Graphs
from vgf_robot.bundle import Bundle, Manifest, OperatingPoint
from vgf_robot.controller.budget import Budget, resolve
from vgf_robot.controller.ceilings import Ceilings
from vgf_robot.controller.command import Command, Reason, fallback_rungs
from vgf_robot.controller.costs import TickCosts
from vgf_robot.controller.episode import Episode
from vgf_robot.controller.limits import Limits
from vgf_robot.controller.noise import NoiseStream
from vgf_robot.controller.observation import TrainingRange, check_observation
from vgf_robot.controller.settings import ControllerSettings
from vgf_robot.controller.stages import NO_DEADLINE_NS, Stages
from vgf_robot.controller.start import Start
from vgf_robot.controller.tick import Rules, Tick
from vgf_robot.controller.variant import PreparedVariant, VariantKey, warm_up
from vgf_robot.errors import BudgetError
from vgf_robot.receipts import load_trusted, split_name

DEFAULT_SETTINGS = ControllerSettings()
SEALED = Budget()
NO_CEILINGS = Ceilings()
NUM_BUDGETS_KEPT = 256


class Controller:
    """What all robots of one bundle share; what belongs to one robot is in its `Episode`. Used from one thread."""

    def __init__(
        self,
        manifest: Manifest,
        graphs_by_variant: Mapping[VariantKey, Graphs],
        settings: ControllerSettings = DEFAULT_SETTINGS,
        clock: Callable[[], int] = time.monotonic_ns,
        open_graphs: Callable[[VariantKey], Graphs] | None = None,
        precision: str | None = None,
    ) -> None:
        """Make a controller whose costs are unknown until `warm_up`.

        Args:
            manifest: The bundle's.
            graphs_by_variant: Loaded graphs by (N, K).
            settings: How time is estimated.
            clock: Returns monotonic nanoseconds; deadlines are on it.
            open_graphs: Loads further variants for `prepare`; None where there are no others.
            precision: Of the graphs; None for the first that the manifest lists for each variant.
        """
        self.manifest = manifest
        self._observation_size = manifest.observation_size
        self._settings = settings
        self._clock = clock
        self._open_graphs = open_graphs
        # The last of equal keys stays in a dictionary, and the first is the one that is loaded.
        listed = {(each.num_particles, each.reference_steps): each.precision for each in reversed(manifest.variants)}
        self._precisions = {key: precision or found for key, found in listed.items()}
        self._variants = {key: self._variant(key, graphs) for key, graphs in graphs_by_variant.items()}
        self._training_range = TrainingRange(manifest)
        self.set_ceilings(NO_CEILINGS)
        rules, rungs = self._rules_by_rungs(manifest), fallback_rungs(manifest.action_kind)
        self._rules = rules(rungs=rungs)
        # Particles cannot be scored again without an observation.
        self._rules_unseeing = rules(rungs=tuple(rung for rung in rungs if not rung.fresh))

    @staticmethod
    def open(
        bundle: Bundle,
        *,
        backend: str = "onnxruntime-cpu",
        threads: int = 1,
        precision: str | None = None,
        settings: ControllerSettings = DEFAULT_SETTINGS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> Controller:
        """Load the bundle's operating point and warm it up; other variants are loaded by `prepare`.

        Args:
            bundle: The verified bundle.
            backend: Name of an installed backend, with a precision where it ends in one: `openvino-cpu:bfloat16`.
            threads: Threads that one graph may use.
            precision: Which of a variant's precisions; None for the first one listed.
            settings: How time is estimated.
            clock: Returns monotonic nanoseconds.

        Raises:
            BundleError: The graphs do not fit the manifest.
            BudgetError: No variant of this precision.
            MachineError: No such backend, or its library is missing.
        """
        opener = load_trusted(backend)
        precision = precision or split_name(backend)[1]

        def open_graphs(key: VariantKey) -> Graphs:
            return opener(bundle, bundle.variant(*key, precision), threads=threads)

        controller = Controller(bundle.manifest, {}, settings, clock, open_graphs, precision)
        controller.prepare()
        return controller

    def prepare(self, budget: Budget = SEALED) -> None:
        """Load and warm up the variant that a budget asks for, unless it is loaded.

        This takes far longer than a tick: it belongs before the first request with this budget, not into one.

        Raises:
            BudgetError: The bundle does not allow the budget, or the variant cannot be loaded.
        """
        key = self._key(budget)
        if key in self._variants:
            return
        if self._open_graphs is None:
            raise BudgetError(self._not_loaded(key, "make the controller with it, or with a way to load it"))
        variant = self._variant(key, self._open_graphs(key))
        warm_up(variant, self.manifest, self._settings, self._clock)
        self._variants[key] = variant

    def warm_up(self) -> None:
        """Run the loaded variants until their costs are known; `open` and `prepare` have done so already."""
        for variant in self._variants.values():
            warm_up(variant, self.manifest, self._settings, self._clock)

    def costs(self, budget: Budget = SEALED) -> TickCosts:
        """Return what is known of the costs of the stages that a budget runs.

        Raises:
            BudgetError: The bundle does not allow the budget, or its variant is not prepared.
        """
        return self._prepared(self._key(budget)).costs

    def margin_ns(self, budget: Budget = SEALED) -> float:
        """Return the time that a budget's ticks keep free before their deadlines, in nanoseconds.

        Raises:
            BudgetError: The bundle does not allow the budget, or its variant is not prepared.
        """
        return self._prepared(self._key(budget)).margin.ns

    def recall_margin(self, margin_ns: float, budget: Budget = SEALED) -> None:
        """Take over what an earlier controller of this device has learned to keep free before a budget's deadlines.

        Raises:
            BudgetError: The bundle does not allow the budget, or its variant is not prepared.
        """
        variant = self._prepared(self._key(budget))
        variant.margin = msgspec.structs.replace(variant.margin, ns=margin_ns)

    def succeed(self, earlier: Controller) -> None:
        """Take over what an earlier controller of this robot was told, its ceilings, and what it has learned.

        The margin stands for how much this device's times vary: another bundle's are no better known at its start.
        """
        self.set_ceilings(earlier.ceilings)
        for key, variant in self._variants.items():
            if key in earlier._variants:
                learned_ns = earlier._variants[key].margin.ns
                variant.margin = msgspec.structs.replace(variant.margin, ns=learned_ns)

    def set_ceilings(self, ceilings: Ceilings) -> None:
        """Lower what the ticks from now on run at, where it is above; not while a tick is under way."""
        self.ceilings = ceilings
        # Budgets repeat from tick to tick; a refused one raises and is not kept.
        self._resolve = lru_cache(NUM_BUDGETS_KEPT)(partial(_point, manifest=self.manifest, ceilings=ceilings))

    def point(self, budget: Budget = SEALED) -> OperatingPoint:
        """Return the setting that a tick with this budget runs at, ceilings included.

        Raises:
            BudgetError: The bundle does not allow the budget.
        """
        return self._resolve(budget)

    def start(self, episode: Episode, budget: Budget = SEALED) -> Start:
        """Return what a tick would start from now; changes nothing.

        Raises:
            BudgetError: The bundle does not allow the budget, or its variant is not prepared.
        """
        point = self._resolve(budget)
        key = point.num_particles, point.reference_steps
        variant, remembered = self._prepared(key), episode.remembered
        costs = variant.costs
        return Start(
            point=point,
            precision=self._precisions[key],
            seed=episode.noise.seed,
            tick=episode.tick,
            previous_action=episode.previous_action,
            commanded_ns=episode.commanded_ns,
            particles_tick=None if remembered is None else remembered.tick,
            reference_ns=costs.reference.estimate_ns,
            step_ns=costs.step.estimate_ns,
            select_ns=costs.select.estimate_ns,
            margin_ns=variant.margin.ns,
        )

    def begin_episode(self, seed: SupportsIndex) -> Episode:
        """Return the state of a robot that starts afresh.

        Args:
            seed: 0 to 2**128 - 1; the same seed and observations give the same actions, time permitting.

        Raises:
            ProtocolError: The seed is no integer, or outside of that range.
        """
        return Episode(NoiseStream(seed))

    def tick(
        self,
        episode: Episode,
        observation: NDArray[np.float32],
        deadline_ns: int | None,
        budget: Budget = SEALED,
        between_stages: Callable[[], object] | None = None,
        steps_until_ns: int | None = None,
    ) -> Command:
        """Answer one observation.

        Args:
            episode: The robot's state, brought up to date.
            observation: Shape (O,), float32, in the robot's units; any values.
            deadline_ns: Absolute, on the controller's clock; None for no deadline, as a simulation has none that waits
                for its action: the limits then take one control period to have passed since the command before.
            budget: What the request asks for.
            between_stages: Called before each stage; its time is in no estimate, so it has to be short.

            steps_until_ns: No step is taken that would make the tick end later, because others wait; on the clock. None
                for the deadline alone.

        Raises:
            ProtocolError: The observation has another shape or type. The episode is unchanged.
            BudgetError: The bundle does not allow the budget, or its variant is not prepared. Likewise.
        """
        started_ns = self._clock()
        check_observation(observation, self._observation_size)
        tick = Tick(
            rules=self._rules,
            stages=self._stages(episode, observation, deadline_ns, budget, between_stages, steps_until_ns),
            episode=episode,
            num_outside=self._training_range.num_outside(observation),
            started_ns=started_ns,
        )
        return tick.run()

    def fall_back(self, episode: Episode, reason: Reason) -> Command:
        """Answer without an observation, from the rungs that need none: hold where that is legal, else safe action.

        Args:
            episode: The robot's state, brought up to date as by a tick.
            reason: Why there is no tick, such as `STALE_OBSERVATION`.

        Raises:
            BudgetError: The bundle's own variant is not prepared. The episode is unchanged.
        """
        started_ns, nothing = self._clock(), np.zeros(self._observation_size, np.float32)
        tick = Tick(
            rules=self._rules_unseeing,
            stages=self._stages(episode, nothing, None, SEALED, None),
            episode=episode,
            num_outside=0,
            started_ns=started_ns,
        )
        return tick.fall_back(reason)

    def _rules_by_rungs(self, manifest: Manifest) -> partial[Rules]:
        return partial(
            Rules,
            limits=Limits(manifest),
            safe_action=np.array(manifest.safe_action, np.float32),
            max_rescored_age_ticks=self._settings.max_rescored_age_ticks,
            clock=self._clock,
        )

    def _stages(
        self,
        episode: Episode,
        observation: NDArray[np.float32],
        deadline_ns: int | None,
        budget: Budget,
        between_stages: Callable[[], object] | None,
        steps_until_ns: int | None = None,
    ) -> Stages:
        point = self._resolve(budget)
        return Stages(
            variant=self._prepared((point.num_particles, point.reference_steps)),
            point=point,
            episode=episode,
            observation=observation,
            deadline_ns=NO_DEADLINE_NS if deadline_ns is None else deadline_ns,
            steps_until_ns=NO_DEADLINE_NS if steps_until_ns is None else steps_until_ns,
            clock=self._clock,
            between_stages=between_stages,
        )

    def _key(self, budget: Budget) -> VariantKey:
        point = self._resolve(budget)
        return point.num_particles, point.reference_steps

    def _variant(self, key: VariantKey, graphs: Graphs) -> PreparedVariant:
        return PreparedVariant(key, self.manifest, graphs, self._settings)

    def _prepared(self, key: VariantKey) -> PreparedVariant:
        variant = self._variants.get(key)
        if variant is None:
            raise BudgetError(self._not_loaded(key, "call `prepare` with this budget before the first tick"))
        return variant

    def _not_loaded(self, key: VariantKey, cure: str) -> str:
        return (
            f"Variant (num_particles, reference_steps): expected one of the loaded {sorted(self._variants)}, found "
            f"{key}; {cure}."
        )


def _point(budget: Budget, manifest: Manifest, ceilings: Ceilings) -> OperatingPoint:
    return ceilings.lower(resolve(budget, manifest))
