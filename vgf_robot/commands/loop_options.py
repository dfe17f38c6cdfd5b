"""What the command lines of `serve` and `drive` have in common: options, and their place over a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import tyro

from vgf_robot import config
from vgf_robot.commands.speech import LogFormat
from vgf_robot.controller import ControllerSettings
from vgf_robot.realtime import RealTimeSettings, parse_core_list

Settings = TypeVar("Settings", bound=msgspec.Struct)
SETTINGS = (
    *("keys", "control", "telemetry", "profile"),
    *("backend", "threads", "deadline_share", "report_every_s"),
)
"""Options that stand for a setting of the same name."""


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """What the command line says; None leaves the configuration's value."""

    bundle: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="BUNDLE")]
    """Folder of a bundle, or the name of a shipped one."""
    config: Path | None = None
    """YAML file such as configs/serve/loopback.yaml or configs/drive/loopback.yaml; the options below go before it."""
    insecure: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Accept endpoints that other machines can reach: without keys, anyone there can command the robot."""
    keys: Annotated[str | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of `vgf-robot keygen` with clients.yaml: whoever connects has to have a key; default none."""
    control: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Listen to `vgf-robot control` and the sliders of `vgf-robot monitor` there, such as ipc:///tmp/control.sock;
    default nowhere."""
    telemetry: Annotated[str | None, tyro.conf.arg(metavar="ENDPOINT")] = None
    """Tell every tick there, such as tcp://127.0.0.1:5558, for `vgf-robot record` and `vgf-robot monitor`; default
    nowhere."""
    backend: str | None = None
    """What runs the graphs, with a precision where it ends in one (openvino-cpu:bfloat16), or `auto`: the fastest here,
    within its receipt; default onnxruntime-cpu."""
    threads: int | None = None
    """Threads of the backend; default 1."""
    profile: Annotated[str | None, tyro.conf.arg(metavar="PATH")] = None
    """Device profile of `vgf-robot tune --out`: its working point may lower the bundle's setting, and its backend and
    threads are taken unless they are given here."""
    deadline_share: float | None = None
    """Share of the control period after which an action is late, unless a request says so itself; default 0.9."""
    miss_rate: float | None = None
    """Share of the ticks that may miss their deadline because of their transport steps; default 0.005."""
    report_every_s: float | None = None
    """Seconds between the lines of counters; default 30."""
    fifo: Annotated[int | None, tyro.conf.arg(metavar="PRIORITY")] = None
    """Run under SCHED_FIFO at this priority, 1 to 98, and the network's threads at one more; without it, at an ordinary
    priority. `vgf-robot doctor` says whether this is permitted, docs/realtime.md what it is good for."""
    cores: Annotated[str | None, tyro.conf.arg(metavar="LIST")] = None
    """Run on these cores alone, such as 1,2 or 2-5."""
    lock_memory: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep all memory of the process in RAM."""
    log_format: LogFormat = "text"
    """What is said here while it runs: lines for people, or an object of JSON a line."""
    json: Path | None = None
    """Write settings, counters and latencies there at the end."""


def lay_over(
    options: LoopOptions, record: type[Settings], names: tuple[str, ...], flags: tuple[str, ...] = ()
) -> Settings:
    """Return the configuration with the command line's words in place of the file's.

    Args:
        options: The command line.
        record: What the configuration is read as; it has the settings `controller` and `realtime`.
        names: The verb's own options that stand for a setting of the same name, beside the common ones.
        flags: Likewise, of those that are there or not.

    Raises:
        ConfigError: An unknown key, or a value that will not do.
    """
    base: Any = record() if options.config is None else config.load(options.config, record)
    spoken: dict[str, Any] = {
        name: value for name in (*SETTINGS, *names) if (value := getattr(options, name)) is not None
    }
    spoken |= {name: True for name in ("insecure", *flags) if getattr(options, name)}
    spoken["controller"] = _controller(base.controller, options)
    spoken["realtime"] = _realtime(base.realtime, options)
    return config.from_mapping({**msgspec.to_builtins(base), **spoken}, record, "the command line")


def _controller(base: ControllerSettings, options: LoopOptions) -> dict[str, Any]:
    spoken = {} if options.miss_rate is None else {"miss_rate": options.miss_rate}
    return msgspec.to_builtins(base) | spoken


def _realtime(base: RealTimeSettings, options: LoopOptions) -> dict[str, Any]:
    spoken: dict[str, Any] = {}
    if options.fifo is not None:
        spoken["fifo_priority"] = options.fifo
    if options.cores is not None:
        spoken["cores"] = parse_core_list(options.cores)
    if options.lock_memory:
        spoken["lock_memory"] = True
    return msgspec.to_builtins(base) | spoken
