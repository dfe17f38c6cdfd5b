"""What waits for the controller: the newest observation of each client, the most urgent first."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from vgf_robot.controller import Budget


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One observation that passed every check.

    Attributes:
        identity: Whose session it belongs to.
        address: Where the answer goes.
        sequence: The client's number of the request.
        episode: The client's number of the episode.
        seed: Seed of that episode.
        observation: Shape (O,), float32, finite.
        budget: What the client allows.
        arrived_ns: When it came, on the server's monotonic clock.
        deadline_ns: When its answer is due, on the same clock.
        unhurried: Whether the client waits however long it takes, as a simulation does.
        pose: Shape (A,), where the robot is; None where the client does not say.
    """

    identity: bytes
    address: bytes
    sequence: int
    episode: int
    seed: int
    observation: NDArray[np.float32]
    budget: Budget
    arrived_ns: int
    deadline_ns: int
    unhurried: bool = False
    pose: NDArray[np.float32] | None = None


@dataclass(slots=True)
class DeadlineQueue:
    """Newest observation per client, earliest deadline first; as large as there are sessions, no larger."""

    _jobs: dict[bytes, Job] = field(default_factory=dict[bytes, Job])

    def __len__(self) -> int:
        return len(self._jobs)

    def put(self, job: Job) -> Job | None:
        """Take a client's newest observation, and return the one it replaces."""
        replaced = self._jobs.pop(job.identity, None)
        self._jobs[job.identity] = job
        return replaced

    def take(self) -> Job | None:
        """Remove and return the observation with the earliest deadline; the first to come where they are equal."""
        if not self._jobs:
            return None
        # Deadlines lie after arrivals, so a job that waits is overtaken only by those that came before it was due:
        # nobody starves.
        urgent = min(self._jobs.values(), key=lambda job: (job.deadline_ns, job.arrived_ns))
        return self._jobs.pop(urgent.identity)

    def steps_until_ns(self, urgent: Job, now_ns: int, cost_ns: float) -> int:
        """Return until when transport steps may be taken for a job, so that those behind it have their turn in time.

        The time that is left once every waiting job has had an answer without a step is shared evenly: the first in
        line would otherwise take all of it, and every answer would come at the last moment.

        Args:
            urgent: The job that was taken.
            now_ns: The time on the server's clock.
            cost_ns: What an answer without a step takes.
        """
        deadlines_ns = sorted((urgent.deadline_ns, *(job.deadline_ns for job in self._jobs.values())))
        spare_ns = min(due - now_ns - turn * cost_ns for turn, due in enumerate(deadlines_ns, start=1))
        return round(now_ns + cost_ns + max(0.0, spare_ns) / len(deadlines_ns))

    def forget(self, identity: bytes) -> Job | None:
        """Remove and return what a client left waiting."""
        return self._jobs.pop(identity, None)
