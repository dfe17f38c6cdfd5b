"""How an answer came about: for whoever keeps records, after it has left."""

from __future__ import annotations

import msgspec

from vgf_robot.bundle import Manifest
from vgf_robot.controller import Command, Start
from vgf_robot.wire.deadline_queue import Job
from vgf_robot.wire.gate import Admitted


class ServedTick(msgspec.Struct, frozen=True, kw_only=True):
    """One tick of a server.

    Attributes:
        client: What the client calls itself.
        manifest: The bundle's.
        bundle_sha256: Its hash.
        job: What was asked.
        start: What the tick started from.
        command: What the controller decided.
        commanded_ns: When it did.
        admitted: What engagement made of it.
        queue_ns: From the observation's arrival to the beginning of the tick.
    """

    client: str
    manifest: Manifest
    bundle_sha256: str
    job: Job
    start: Start
    command: Command
    commanded_ns: int
    admitted: Admitted
    queue_ns: int
