"""`vgf-robot control`: what an operator asks of a running `serve` or `drive`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import tyro

from vgf_robot import results, verbs
from vgf_robot.bundle import OperatingPoint
from vgf_robot.control import ControlClient, State
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import ConfigError
from vgf_robot.security import ClientKeys

EXAMPLE = "vgf-robot control ipc:///tmp/vgf-robot-control.sock ceilings --max-steps 1 --max-distance none"
LIFTED = "none"
LARGEST = 2**63  # what a message holds
Request = Literal["status", "ceilings", "engage", "disengage", "clear", "reload", "stop"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    endpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENDPOINT")]
    """What `serve` or `drive` was given as --control."""
    request: Annotated[Request, tyro.conf.Positional] = "status"
    """status: how things stand. ceilings: bound the transport budget from the next tick on. engage, disengage, clear:
    begin or cease to follow the policy, end a fault. reload: read the bundle again. stop: end, as SIGTERM does."""
    max_steps: Annotated[str | None, tyro.conf.arg(metavar="COUNT|none")] = None
    """With ceilings: transport steps at most; none lifts this ceiling, left out it stays."""
    step_size: Annotated[str | None, tyro.conf.arg(metavar="SIZE|none")] = None
    """With ceilings: size of a step at most, in normalised action units, likewise."""
    max_distance: Annotated[str | None, tyro.conf.arg(metavar="DISTANCE|none")] = None
    """With ceilings: farthest that a particle may be moved, in normalised action units, likewise."""
    robot: str | None = None
    """With engage, disengage and clear at a server: name or id of the client; default all of them."""
    keys: str | None = None
    """Folder of `vgf-robot keygen` with the key that `serve --keys` or `drive --keys` lists; default none."""
    server_key: str | None = None
    """File with their public key; default server.public in that folder."""
    timeout_s: float = 2.0
    """Seconds to wait for the answer."""
    json: Path | None = None
    """Write the state there."""


def main(argv: Sequence[str]) -> int:
    """Ask, and show how things stand afterwards."""
    options = verbs.parse(Options, argv, "control", EXAMPLE)
    ask = _request(options)
    keys = ClientKeys.spoken(options.keys, options.server_key)
    with ControlClient(options.endpoint, timeout_s=options.timeout_s, keys=keys) as client:
        state = ask(client)
    print("\n".join(_lines(state)))
    if options.json is not None:
        settings = {"endpoint": options.endpoint, "request": options.request}
        results.write_json(options.json, "control", settings, [msgspec.to_builtins(state)])
    return 0


def _request(options: Options) -> Callable[[ControlClient], State]:
    """Return what is asked of the client.

    Raises:
        ConfigError: An option does not go with the request, or is no number.
    """
    ceilings = {name: getattr(options, name) for name in ("max_steps", "step_size", "max_distance")}
    named = {name: text for name, text in ceilings.items() if text is not None}
    if named and options.request != "ceilings":
        raise ConfigError(f"--{_dashed(next(iter(named)))} goes with the request ceilings, found '{options.request}'.")
    if options.robot is not None and options.request not in ("engage", "disengage", "clear"):
        raise ConfigError(f"--robot goes with engage, disengage and clear, found '{options.request}'.")
    if options.request == "ceilings":
        if not named:
            raise ConfigError("ceilings: expected --max-steps, --step-size or --max-distance, found none of them.")
        moved = {name: _ceiling(name, text) for name, text in named.items()}
        return lambda client: client.set_ceilings(**moved)
    if options.request == "engage" or options.request == "disengage" or options.request == "clear":
        action = options.request
        return lambda client: client.instruct(action, options.robot)
    asks: dict[str, Callable[[ControlClient], State]] = {
        "status": ControlClient.state,
        "reload": ControlClient.reload,
        "stop": ControlClient.stop,
    }
    return asks[options.request]


def _ceiling(name: str, text: str) -> Any:
    if text.lower() == LIFTED:
        return None
    try:
        value = int(text) if name == "max_steps" else float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < LARGEST:
        kind = "a whole number" if name == "max_steps" else "a number"
        raise ConfigError(f"--{_dashed(name)}: expected {kind} of 0 or more, or '{LIFTED}', found '{text}'.")
    return value


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _lines(state: State) -> list[str]:
    times = {"reference": state.reference_ns, "step": state.step_ns, "select": state.select_ns}
    costs = ", ".join(f"{name} {_milliseconds(value)}" for name, value in times.items())
    counters = ", ".join(f"{name} {count}" for name, count in sorted(state.counters.items()) if count)
    return [
        f"{state.role}: {state.bundle} ({state.bundle_sha256[:12]}), {1e3 * state.control_period_s:g} ms a period",
        f"runs at: {_point(state.point)}; the bundle's own: {_point(state.sealed)}",
        f"ceilings: {_spelled(msgspec.structs.asdict(state.ceilings)) or 'none'}",
        f"costs: {costs}, margin {_milliseconds(state.margin_ns)}",
        *(f"robot {each.name!r} ({each.id}): {_standing(each.engagement, each.reason)}" for each in state.robots),
        f"counters: {counters or 'nothing yet'}",
    ]


def _point(point: OperatingPoint) -> str:
    named = {"max_steps": point.max_steps, "step_size": point.step_size, "max_distance": point.max_distance}
    return _spelled(named)


def _spelled(values: Mapping[str, float | None]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in values.items() if value is not None)


def _milliseconds(duration_ns: float | None) -> str:
    return "unknown" if duration_ns is None else f"{duration_ns / 1e6:.3g} ms"


def _standing(engagement: EngagementState | None, reason: str) -> str:
    if engagement is None:
        return "every action is sent"
    return f"{engagement.value}: {reason}" if reason else engagement.value
