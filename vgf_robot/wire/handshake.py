"""The handshake: what the bundle is, against what the client was built for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vgf_robot.bundle import Field, Manifest
from vgf_robot.wire.faults import ErrorKind, RefusedError
from vgf_robot.wire.messages import VERSION, Expectations, ExpectedField, Welcome
from vgf_robot.wire.settings import ServeSettings

ADVICE = "serve the bundle this client was built for, or change the client"


def welcome(manifest: Manifest, bundle_sha256: str, settings: ServeSettings) -> Welcome:
    """Return the facts every client is told; `sequence` 0 stands for whichever Hello is answered."""
    return Welcome(
        version=VERSION,
        sequence=0,
        bundle=manifest.name,
        bundle_sha256=bundle_sha256,
        manifest_schema=manifest.schema_version,
        observation=manifest.observation,
        action=manifest.action,
        action_kind=manifest.action_kind,
        action_rate_limit=manifest.action_rate_limit,
        safe_action=manifest.safe_action,
        control_period_s=manifest.control_period_s,
        operating_point=manifest.operating_point,
        num_particles=manifest.particle_counts,
        default_deadline_us=round(manifest.control_period_s * settings.deadline_share * 1e6),
        max_message_bytes=settings.max_message_bytes,
        engagement=settings.engagement is not None,
    )


def same_robot(facts: Welcome) -> Expectations:
    """Return what another bundle must agree on to take the place of this one: names, order, units, kind and period."""
    return Expectations(
        observation=tuple(_expected(field) for field in facts.observation),
        action=tuple(_expected(field) for field in facts.action),
        action_kind=facts.action_kind,
        control_period_s=facts.control_period_s,
    )


def compare(expect: Expectations, facts: Welcome) -> None:
    """Refuse a client that was built for another robot, policy or period.

    Raises:
        RefusedError: `expected` is the client's belief, `found` what the bundle says.
    """
    if expect.observation is not None:
        _compare_fields("observation", expect.observation, facts.observation)
    if expect.action is not None:
        _compare_fields("action", expect.action, facts.action)
    if expect.action_kind is not None and expect.action_kind != facts.action_kind:
        raise _mismatch(f"action kind '{expect.action_kind}'", f"'{facts.action_kind}'")
    period_s = expect.control_period_s
    if period_s is not None and not math.isclose(period_s, facts.control_period_s, rel_tol=1e-9):
        raise _mismatch(f"a control period of {period_s:g} s", f"{facts.control_period_s:g} s")
    if expect.bundle_sha256 is not None and expect.bundle_sha256 != facts.bundle_sha256:
        raise _mismatch(f"bundle {expect.bundle_sha256[:12]}", f"bundle {facts.bundle_sha256[:12]}")


def _compare_fields(vector: str, expected: Sequence[ExpectedField], found: Sequence[Field]) -> None:
    for index in range(max(len(expected), len(found))):
        wanted = _describe(expected[index]) if index < len(expected) else "nothing"
        given = _describe(found[index]) if index < len(found) else "nothing"
        if wanted != given:
            raise _mismatch(f"{vector} field {index} to be {wanted}", given)


def _expected(field: Field) -> ExpectedField:
    return ExpectedField(name=field.name, size=field.size, unit=field.unit)


def _describe(field: ExpectedField | Field) -> str:
    return f"{field.name} ({field.size} in {field.unit})"


def _mismatch(expected: str, found: str) -> RefusedError:
    return RefusedError(ErrorKind.MISMATCH, expected=expected, found=found, advice=ADVICE)
