"""A server as something that is controlled."""

from __future__ import annotations

from typing import final

from vgf_robot.control.messages import Robot, State
from vgf_robot.control.report import state_of
from vgf_robot.controller import Ceilings
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.gate import Gate
from vgf_robot.wire.messages import Instruction
from vgf_robot.wire.server import Server


@final
class ControlledServer:
    """`Controlled` around a server; its robots are the clients.

    Args:
        server: Running, in the thread that the calls are made from.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def ceilings(self) -> Ceilings:
        """What no tick goes beyond."""
        return self._server.controller.ceilings

    def set_ceilings(self, ceilings: Ceilings) -> None:
        """Put other ceilings in force."""
        self._server.controller.set_ceilings(ceilings)

    def instruct(self, action: Instruction, robot: str | None) -> None:
        """Instruct the clients of that name or id, or all; all that can follow do, before one that cannot is named."""
        refusals: list[RefusedError] = []
        for gate in self._gates(robot):
            try:
                gate.instruct(action)
            except RefusedError as refusal:
                refusals.append(refusal)
        if refusals:
            raise refusals[0]

    def reload(self) -> None:
        """Have the bundle read again."""
        self._server.reload()

    def stop(self) -> None:
        """End after the tick under way."""
        self._server.stop()

    def state(self, sequence: int) -> State:
        """Return how things stand."""
        server = self._server
        robots = tuple(
            Robot(
                name=session.name,
                id=identity.hex(),
                engagement=None if session.gate is None else session.gate.state,
                reason="" if session.gate is None else session.gate.reason,
            )
            for identity, session in server.sessions.items()
        )
        return state_of(
            server.controller,
            sequence=sequence,
            role="serve",
            bundle_sha256=server.facts.bundle_sha256,
            counters=server.counters,
            robots=robots,
        )

    def _gates(self, robot: str | None) -> list[Gate]:
        sessions = self._server.sessions
        meant = [each for key, each in sessions.items() if robot in (None, each.name, key.hex())]
        if not meant:
            known = ", ".join(repr(each.name) for each in sessions.values()) or "none at all"
            wanted = "a client" if robot is None else f"a client {robot!r}"
            raise RefusedError(ErrorKind.ENGAGEMENT, expected=wanted, found=known, advice="see the clients in `status`")
        gates = [each.gate for each in meant if each.gate is not None]
        if not gates:
            raise RefusedError(
                ErrorKind.ENGAGEMENT,
                expected="a server that engages its clients",
                found="one that sends every action",
                advice="serve with `engagement:` in the configuration",
            )
        return gates
