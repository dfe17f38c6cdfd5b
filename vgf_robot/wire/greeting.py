"""What a client says of itself at the handshake, and which bundles it goes on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from vgf_robot.wire.faults import RefusedError
from vgf_robot.wire.handshake import compare, same_robot
from vgf_robot.wire.messages import VERSION, Expectations, Hello, Welcome


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Greeting:
    """One client's side of the handshake.

    Attributes:
        name: What it calls itself.
        expect: What it was built for.
        rate_hz: How often it will ask; None for once per control period.
        any_bundle: Whether it goes on where a bundle for the same robot takes the place of the one it knew.
    """

    name: str
    expect: Expectations
    rate_hz: float | None
    any_bundle: bool

    def hello(self, sequence: int) -> Hello:
        """Return the message."""
        return Hello(version=VERSION, sequence=sequence, name=self.name, expect=self.expect, rate_hz=self.rate_hz)

    def goes_on(self, known: Welcome, found: Welcome) -> bool:
        """Return whether a server that says this now is one to go on with."""
        if known.bundle_sha256 == found.bundle_sha256:
            return True
        if not self.any_bundle:
            return False
        try:
            # A server that was restarted may serve another robot; one that was reloaded never does.
            compare(same_robot(known), found)
        except RefusedError:
            return False
        return True
