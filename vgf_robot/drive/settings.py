"""How a robot is driven: one record, from YAML and the command line."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from vgf_robot.controller import Budget, ControllerSettings
from vgf_robot.engagement import EngagementSettings
from vgf_robot.realtime import RealTimeSettings

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Release = Literal["when-ready", "on-grid"]


class DriveSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user of the loop chooses; the control period is not among it, it belongs to the bundle.

    Attributes:
        observations: Where observations are taken in: `tcp://127.0.0.1:PORT` (`*` for a free port) or `ipc://PATH`.
        commands: Where commands are given out, likewise.
        insecure: Accept strangers: endpoints that other machines can reach, without keys.
        keys: Folder with the loop's secret key and its `clients.yaml` (docs/security.md); None for no keys.
        control: Where an operator is listened to (docs/control.md), likewise; None for nowhere.
        telemetry: Where every tick is told to whoever subscribes (docs/recording.md), an endpoint likewise; None for
            nowhere.
        backend: Name of the backend that runs the graphs.
        threads: Threads of the backend.
        profile: Device profile (docs/tuning.md) whose working point the bundle is run at, on its backend and threads.
        budget: May lower the bundle's setting.
        seed: Seed of the generator.
        deadline_share: Share of the control period after which an action is late, (0, 1].
        handover_us: Kept back from each deadline for encoding the command and handing it to the socket.
        release: `when-ready` hands an action out as soon as there is one; `on-grid` at its deadline, so that what the
            robot gets is as regular as it can be.
        valid_for_periods: Control periods after which a receiver stops using an action.
        max_age_periods: Observations older than this many control periods are stale; None accepts any age.
        max_repeats: Control periods in which an observation may be used again while no newer has come; a sensor that is
            no faster than the loop needs 1.
        engage: Engage at the first observation; without it nothing is sent.
        report_every_s: Seconds between the lines of counters; None for none.
        controller: How time is estimated, and which share of the ticks may miss its deadline through their steps.
        engagement: What is asked of the first action, and what is borne afterwards.
        realtime: How the process is scheduled and kept in memory.
    """

    observations: str = "tcp://127.0.0.1:5556"
    commands: str = "tcp://127.0.0.1:5557"
    insecure: bool = False
    keys: str | None = None
    control: str | None = None
    telemetry: str | None = None
    backend: str = "onnxruntime-cpu"
    threads: Annotated[int, msgspec.Meta(gt=0)] = 1
    profile: str | None = None
    budget: Budget = Budget()
    seed: Count = 0
    deadline_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    handover_us: Count = 200
    release: Release = "when-ready"
    valid_for_periods: Positive = 2.0
    max_age_periods: Positive | None = 2.0
    max_repeats: Count = 0
    engage: bool = False
    report_every_s: Positive | None = 30.0
    controller: ControllerSettings = ControllerSettings()
    engagement: EngagementSettings = EngagementSettings()
    realtime: RealTimeSettings = RealTimeSettings()
