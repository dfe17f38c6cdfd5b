"""The controller behind a socket, through the client that a robot uses."""

from __future__ import annotations

import time
from typing import final

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Delivery
from sim.evaluation.serving import ServerProcess
from sim.evaluation.transport_estimate import TransportEstimate
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget
from vgf_robot.security import ClientKeys
from vgf_robot.wire import Answer, Client, Expectations, NoServerError, ServerBusyError

_CONNECT_S = 3.0
_LOCK_STEP_TIMEOUT_S = 30.0
_LOCK_STEP_DEADLINE_S = 3600.0  # the protocol's largest: without one, the server would put its own in place
_PATIENCE_NS = 2_000_000_000  # silence after which the server counts as gone, not late


@final
class ThroughServer:
    """A `Driver` around a client.

    The server counts a deadline from the arrival of the request, and the action must be here by it: what the two
    ways together mostly took of late is kept back.
    """

    def __init__(self, client: Client, own: ServerProcess | None) -> None:
        self._client = client
        self._own = own
        self._transport = TransportEstimate()
        self._heard_ns = time.monotonic_ns()

    @classmethod
    def connect(
        cls,
        bundle: Bundle,
        endpoint: str,
        own: ServerProcess | None = None,
        keys: ClientKeys | None = None,
    ) -> ThroughServer:
        """Shake hands with a server of this very bundle.

        Args:
            bundle: What the server must serve.
            endpoint: Where it is.
            own: The server itself, where this evaluation has started it; None for somebody else's.
            keys: For a server that asks for one.

        Raises:
            ServerError: Nobody answers there.
            ProtocolError: The server serves another bundle.
        """
        client = Client(endpoint, name="eval", expect=Expectations(bundle_sha256=bundle.sha256), keys=keys)
        try:
            client.connect(timeout_s=_CONNECT_S)
        except BaseException:
            client.close()
            raise
        return cls(client, own)

    def prepare(self, budget: Budget) -> None:
        """The server loads what it serves."""

    def begin_episode(self, seed: int) -> None:
        """Begin an episode with the next observation; waits for a server of our own that broke down in the last one.

        Raises:
            ServerError: It does not come back.
        """
        if self._own is not None and self._own.away:
            self._own.recover()
            self._own.wait_ready()
        self._client.begin_episode(seed)
        self._heard_ns = time.monotonic_ns()

    def act(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Delivery | None:
        """Ask for an action; waits until the deadline and no longer.

        Raises:
            ServerError: The server has been silent for two seconds, or has ended by itself.
        """
        try:
            answer = self._ask(observation, budget, deadline_ns)
        except (NoServerError, ServerBusyError) as silence:
            if self._own is not None and self._own.away:
                self._heard_ns = time.monotonic_ns()  # once it is there it has to answer
            if deadline_ns is None or time.monotonic_ns() - self._heard_ns > _PATIENCE_NS:
                if self._own is not None:
                    self._own.require_alive()
                raise silence
            return None
        self._heard_ns = answer.received_ns
        self._transport.note(answer.transport_ns)
        return Delivery(command=answer.command, valid_for_ns=answer.valid_for_ns, round_trip_ns=answer.round_trip_ns)

    def close(self) -> None:
        """Let go of the socket."""
        self._client.close()

    def _ask(self, observation: NDArray[np.float32], budget: Budget, deadline_ns: int | None) -> Answer:
        if deadline_ns is None:
            deadline_s, timeout_s = _LOCK_STEP_DEADLINE_S, _LOCK_STEP_TIMEOUT_S
        else:
            left_ns = max(0, deadline_ns - time.monotonic_ns())
            timeout_s = left_ns / 1e9
            deadline_s = (left_ns - self._transport.kept_back_ns(left_ns)) / 1e9
        return self._client.act(observation, deadline_s=deadline_s, budget=budget, timeout_s=timeout_s)
