"""A bundle on its way into a running server: loaded aside, compared, warmed up in pieces.

Ticks go on meanwhile. What takes long, hashing the files and loading the graphs, runs in a thread: it is C++ that lets
go of Python's lock, so that a tick waits for the Python in between alone, and where no core is free for its share of
the processor. The first runs of the graphs do not run there: between them lies Python, and a thread that is busy with
Python makes every tick wait for the interpreter's switch (`sys.getswitchinterval`, 5 ms), under SCHED_FIFO too. So the
server's own thread runs them, one tick at a time and while nobody waits; an observation that comes meanwhile is stamped
and waits for one tick, as it would behind another client's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import final

from vgf_robot.controller import Budget
from vgf_robot.controller.observation import middle_of_range
from vgf_robot.errors import BundleError, VgfError
from vgf_robot.realtime import RealTimeSettings
from vgf_robot.realtime.this_system import ThisSystem
from vgf_robot.wire.faults import RefusedError
from vgf_robot.wire.handshake import compare, same_robot
from vgf_robot.wire.messages import Welcome
from vgf_robot.wire.served_bundle import ServedBundle

# Ticks that warm up one variant; as many as the controller's own warm-up. The median does not see the slow ones first.
NUM_WARM_UP_TICKS = 30
LOWEST_FIFO = 1

_log = logging.getLogger(__name__)

Load = Callable[[Callable[[Welcome], object]], ServedBundle]


@final
class Reload:
    """One attempt.

    Args:
        served: What is served now.
        load: Loads what is to take its place, and calls what it is given with the facts before that takes long.
        realtime: In force; threads that the backend starts get the priority of those it has.
        rehearse: Called before the graphs are loaded, where the bundle is wanted; see `Rehearsal`.

    Attributes:
        complaint: Why nothing comes of it, a sentence; empty while something may.
        unchanged: Whether that is because the bundle is the same.
    """

    def __init__(
        self, served: Welcome, load: Load, realtime: RealTimeSettings, rehearse: Callable[[], object] = lambda: None
    ) -> None:
        self.complaint = ""
        self.unchanged = False
        self._served = served
        self._load = load
        self._rehearse = rehearse
        self._realtime = realtime
        self._policy: ServedBundle | None = None
        self._pieces: Iterator[None] | None = None
        self._thread = threading.Thread(target=self._run, name="reload")
        self._thread.start()

    @property
    def loading(self) -> bool:
        """Whether the thread is still at it; until then there is nothing else to do."""
        return self._thread.is_alive()

    def advance(self, between_stages: Callable[[], object]) -> ServedBundle | None:
        """Do one piece of the warm-up; return the policy once there is none left, None before and after a complaint.

        Args:
            between_stages: As for a tick.
        """
        if self.complaint or self._policy is None:
            return None
        if self._pieces is None:
            self._pieces = _warm_up(self._policy, between_stages)
        try:
            next(self._pieces)
        except StopIteration:
            return self._policy
        except VgfError as error:
            self.complaint = str(error)
        except Exception as error:  # whatever a strange graph does costs this attempt, never the server
            self._give_up(error)
        return None

    def wait(self) -> None:
        """Wait for the thread: it must not outlive the interpreter."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._policy = self._load_with_priority()
        except VgfError as error:
            self.complaint = str(error)
        except Exception as error:  # a thread's exception would vanish, and with it the reason
            self._give_up(error)

    def _load_with_priority(self) -> ServedBundle:
        """Load, under SCHED_FIFO below the ticks where they are under it, and raise what the backend has started.

        Not at an ordinary priority: other processes could keep it from running while it holds Python's lock, and the
        ticks would wait for them.
        """
        priority = self._realtime.fifo_priority
        if priority is None:
            return self._load(self._accept)
        system = ThisSystem()
        system.set_fifo(0, LOWEST_FIFO)
        before = set(system.threads())
        policy = self._load(self._accept)
        for thread in set(system.threads()) - before:
            system.set_fifo(thread, priority)
        return policy

    def _accept(self, found: Welcome) -> None:
        """Refuse a bundle that is the same, or for another robot: clients go on as they are."""
        if found.bundle_sha256 == self._served.bundle_sha256:
            self.unchanged = True
            raise BundleError("It is the bundle that is served already.")
        try:
            compare(same_robot(self._served), found)
        except RefusedError as refusal:
            raise BundleError(
                f"It is for another robot: expected {refusal.expected}, found {refusal.found}; start a server of its "
                "own for it."
            ) from refusal
        self._rehearse()

    def _give_up(self, error: Exception) -> None:
        _log.exception("A reload failed in a way that was not foreseen.")
        self.complaint = f"Unforeseen {type(error).__name__}: {error}"


def _warm_up(policy: ServedBundle, between_stages: Callable[[], object]) -> Iterator[None]:
    """Tick for an observation from the middle of the training range, at every N, until the costs are known.

    Raises:
        BundleError: The graphs do not answer it with a fresh action.
    """
    controller, observation = policy.controller, middle_of_range(policy.manifest)
    for num_particles in policy.manifest.particle_counts:
        budget, episode = Budget(num_particles=num_particles), controller.begin_episode(0)
        for _ in range(NUM_WARM_UP_TICKS):
            command = controller.tick(episode, observation, None, budget, between_stages=between_stages)
            if not command.rung.fresh:
                raise BundleError(
                    f"Expected an action for the middle of the training range at {num_particles} particles, found "
                    f"'{command.reason.value}'; export the bundle again."
                )
            yield
