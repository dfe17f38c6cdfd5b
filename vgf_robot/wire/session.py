"""One client of a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from vgf_robot.wire.admission import Pace
from vgf_robot.wire.gate import Gate

Episode = TypeVar("Episode")


@dataclass(slots=True, kw_only=True)
class Session(Generic[Episode]):
    """One client's state.

    Attributes:
        name: What the client calls itself.
        address: The connection that it said hello on.
        last_sequence: Largest sequence number acted upon.
        last_heard_ns: When its last valid message came.
        bundle_sha256: The bundle that it was greeted with.
        pace: How often it asks.
        gate: Its engagement; None where the server leaves that to its clients.
        episode_id: The client's number of the current episode; None before the first observation.
        episode: What the controller remembers of that episode.
        ticks: Answers in that episode.
    """

    name: str
    address: bytes
    last_sequence: int
    last_heard_ns: int
    bundle_sha256: str
    pace: Pace
    gate: Gate | None = None
    episode_id: int | None = None
    episode: Episode | None = None
    ticks: int = 0

    @property
    def fault(self) -> str:
        """Why its robot is in a fault, a sentence; "" where it is in none."""
        return "" if self.gate is None else self.gate.reason

    def enter(self, episode_id: int, seed: int, begin: Callable[[int], Episode]) -> Episode:
        """Return the state of the episode, begun afresh where the client names another number than before."""
        if self.episode is None or self.episode_id != episode_id:
            self.episode = begin(seed)
            self.episode_id = episode_id
            self.ticks = 0
        return self.episode

    def inherit(self, earlier: Session[Episode]) -> None:
        """Go on with the episode of an earlier session, so that the next action is held to the one before it."""
        self.episode_id, self.episode, self.ticks = earlier.episode_id, earlier.episode, earlier.ticks
