"""`vgf-robot record`: every tick of a running `serve` or `drive` to MCAP files."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import tyro

from vgf_robot import results, verbs
from vgf_robot.commands.signals import stopped_by_signals
from vgf_robot.commands.speech import say
from vgf_robot.errors import ConfigError, ServerError
from vgf_robot.recording.before_fault import BeforeFault
from vgf_robot.recording.limits import Limits
from vgf_robot.recording.recorder import Recorder
from vgf_robot.recording.store import Store
from vgf_robot.security import ClientKeys
from vgf_robot.telemetry import Subscriber

EXAMPLE = "vgf-robot record tcp://127.0.0.1:5558 --out recordings"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    endpoint: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ENDPOINT")]
    """Where `serve --telemetry ENDPOINT` or `drive --telemetry ENDPOINT` tells its ticks; it need not be there yet."""
    out: Annotated[Path, tyro.conf.arg(metavar="FOLDER")]
    """Folder of the files; made where it is missing."""
    keys: str | None = None
    """Folder of `vgf-robot keygen` with the key that `serve --keys` or `drive --keys` lists; default none."""
    server_key: str | None = None
    """File with their public key; default server.public in that folder."""
    file_mb: float = Limits().file_mb
    """End a file at this size, in megabytes."""
    file_minutes: float = Limits().file_minutes
    """End a file after this long, in minutes."""
    total_gb: float = Limits().total_gb
    """Remove the oldest files of the folder beyond this size, in gigabytes; those of faults do not count."""
    fault_s: float = Limits().fault_s
    """Keep this many seconds before a fault apart, in a file of their own."""
    max_faults: int = Limits().max_faults
    """Keep this many files of faults; the oldest are removed."""
    seconds: float | None = None
    """End after this long; without it, at SIGTERM or Ctrl-C."""
    json: Path | None = None
    """Write what was recorded, and what was not, there at the end."""


def main(argv: Sequence[str]) -> int:
    """Record until SIGTERM or the time is over (0; 3 where the key was refused), or Ctrl-C (130); the file is whole."""
    options = verbs.parse(Options, argv, "record", EXAMPLE)
    limits = Limits(
        file_mb=options.file_mb,
        file_minutes=options.file_minutes,
        total_gb=options.total_gb,
        fault_s=options.fault_s,
        max_faults=options.max_faults,
    )
    seconds = options.seconds
    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise ConfigError(f"--seconds: expected a positive number, found {seconds:g}; leave it out for no end.")
    keys = ClientKeys.spoken(options.keys, options.server_key)
    with Subscriber(options.endpoint, keys=keys, tell=say) as subscriber:
        store = Store(options.out, limits, tell=say)
        recorder = Recorder(subscriber, store, BeforeFault(round(limits.fault_s * 1e9)))
        with stopped_by_signals(recorder.stop) as received:
            say(f"recording {options.endpoint} to {options.out}")
            recorder.run(None if seconds is None else time.monotonic_ns() + round(seconds * 1e9))
    row = recorder.row()
    say(_sentence(row))
    if options.json is not None:
        shown = {"endpoint": options.endpoint, "out": options.out, "seconds": seconds, **msgspec.to_builtins(limits)}
        results.write_json(options.json, "record", shown, [row])
    if signal.SIGINT in received:
        return 130
    return ServerError.exit_code if subscriber.turned_away and not row["received"] else 0


def _sentence(row: dict[str, Any]) -> str:
    if not row["received"]:
        return "nothing received: is `--telemetry` of serve or drive at this endpoint, and does it ask for --keys?"
    counts = ", ".join(f"{name} {row[name]}" for name in ("received", "written", "dropped", "unwritten", "unreadable"))
    return f"{counts}; files {len(row['files'])}, faults {len(row['faults'])}"
