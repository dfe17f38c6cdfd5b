"""Which policy a server serves, which one it served before, and which one is on its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import final

from vgf_robot.backends import Graphs
from vgf_robot.controller import Reason
from vgf_robot.wire.messages import Act, Reply, Welcome
from vgf_robot.wire.rehearsal import Rehearsal
from vgf_robot.wire.reload import Reload
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.settings import ServeSettings


@final
class BundleSwap:
    """Puts a new bundle in the place of the old one between two ticks, and the old one back if that was no good.

    Args:
        policy: What is served at first.
        settings: The server's.
        counters: `reload.done`, `reload.unchanged`, `reload.refused` and `reload.taken_back` are counted here.
        tell: Takes a sentence for whoever runs the server.
        clock: Monotonic nanoseconds, the server's clock.

    Attributes:
        on_trial: Whether a new bundle has not given a good answer yet, and the next one is to be judged.
    """

    def __init__(
        self,
        policy: ServedBundle,
        settings: ServeSettings,
        *,
        counters: Counter[str],
        tell: Callable[[str], object],
        clock: Callable[[], int],
    ) -> None:
        self.on_trial = False
        self._served = policy
        self._before: ServedBundle | None = None
        self._settings = settings
        self._counters = counters
        self._tell = tell
        self._load = partial(ServedBundle.load, policy.source, settings, clock, opener=policy.opener)
        self._rehearsal = Rehearsal(policy.source, settings)
        self._wanted = False
        self._reload: Reload | None = None
        self._leaving: list[Graphs] = []

    @property
    def facts(self) -> Welcome:
        """Of the bundle that is served."""
        return self._served.facts

    @property
    def restless(self) -> bool:
        """Whether there is something to do that need not wait for anything."""
        if self._reload is None:
            return self._wanted or bool(self._leaving)
        return not self._reload.loading

    @property
    def under_way(self) -> bool:
        """Whether a reload was asked for and has not come to its end."""
        return self._wanted or self._reload is not None

    def request(self) -> None:
        """Ask for a reload; safe to call from a signal handler. One that is under way is finished first."""
        self._wanted = True

    def advance(self, between_stages: Callable[[], object]) -> ServedBundle | None:
        """Do one piece of what there is to do, no longer than a tick; return the policy to serve from now on, if new.

        Args:
            between_stages: As for a tick.
        """
        if self._reload is not None:
            return self._advance(self._reload, between_stages)
        if self._leaving:
            self._leaving.pop()  # freeing graphs takes milliseconds
        elif self._wanted:
            self._wanted = False
            self._reload = Reload(self._served.facts, self._load, self._settings.realtime, self._rehearsal)
        return None

    def judge(self, reply: Reply) -> ServedBundle | None:
        """Judge an answer of a new bundle; return the policy to go back to where it is no good.

        Good is a fresh action, no good a fault or an action that is not finite. What the clock or the client has
        brought about says nothing of the bundle: it stays on trial.

        Args:
            reply: The answer.
        """
        acted = isinstance(reply, Act)
        if acted and not reply.rung.fresh and reply.reason is not Reason.NON_FINITE_ACTION:
            return None
        before, self._before, self.on_trial = self._before, None, False
        if before is None or (acted and reply.rung.fresh):
            self._leaving += before.graphs if before is not None else ()
            return None
        found = f"'{reply.rung.value}' ({reply.reason.value})" if acted else "a fault"
        self._counters["reload.taken_back"] += 1
        self._tell(
            f"Reload taken back: expected an action of finite numbers, found {found}; serving {_named(before)} again."
        )
        self._leaving += self._served.graphs
        self._served = before
        return before

    def close(self) -> None:
        """Wait for what is being loaded; it is not used any more."""
        self._rehearsal.stop()
        if self._reload is not None:
            self._reload.wait()

    def _advance(self, reload: Reload, between_stages: Callable[[], object]) -> ServedBundle | None:
        policy = reload.advance(between_stages)
        if policy is not None:
            self._reload = None
            self._succeed(policy)
        elif reload.complaint:
            self._reload = None
            self._counters["reload.unchanged" if reload.unchanged else "reload.refused"] += 1
            self._tell(f"Reload refused: {reload.complaint} Still serving {_named(self._served)}.")
        return policy

    def _succeed(self, policy: ServedBundle) -> None:
        if self.on_trial:  # nobody has asked the one that is served: what it would go back to stays
            self._leaving += self._served.graphs
        else:
            self._before = self._served
        self._served, self.on_trial = policy, True
        self._counters["reload.done"] += 1
        self._tell(f"reloaded: {_named(policy)}, on trial until its first good answer")


def _named(policy: ServedBundle) -> str:
    return f"{policy.manifest.name} ({policy.sha256[:12]})"
