"""How a bundle is served: one record, from YAML and the command line."""

from __future__ import annotations

from typing import Annotated

import msgspec

from vgf_robot.controller import ControllerSettings
from vgf_robot.engagement import EngagementSettings
from vgf_robot.realtime import RealTimeSettings

Positive = Annotated[float, msgspec.Meta(gt=0)]
PositiveCount = Annotated[int, msgspec.Meta(gt=0)]


class ServeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user of a server chooses; the control period is not among it, it belongs to the bundle.

    Attributes:
        bind: `tcp://127.0.0.1:PORT` (`*` for a free port) or `ipc://PATH`.
        insecure: Accept strangers: a bind beyond this machine, without keys.
        keys: Folder with the server's secret key and its `clients.yaml` (docs/security.md); None for no keys.
        control: Where an operator is listened to (docs/control.md), likewise; None for nowhere.
        telemetry: Where every tick is told to whoever subscribes (docs/recording.md), an endpoint like `bind`; None for
            nowhere.
        backend: Name of the backend that runs the graphs.
        threads: Threads of the backend.
        profile: Device profile (docs/tuning.md) whose working point the bundle is run at, on its backend and threads.
        deadline_share: Share of the control period in which an observation that names no deadline is answered, (0, 1].
        handover_us: Kept back from each deadline for encoding the reply and handing it to the socket.
        valid_for_periods: Control periods after which a receiver stops using an action.
        max_observation_age_s: Older observations are refused; None accepts any age.
        max_message_bytes: Larger messages are refused with an error reply.
        max_clients: Sessions at a time.
        max_utilisation: Share of the server's time that the clients may need where every answer takes no step; one more
            than fits is refused, unless it is alone. Above 1 deadlines are missed for certain.
        idle_s: A session is forgotten after this long without a message.
        evict_silent_s: Where every place is taken, the session silent longest makes room after this long.
        report_every_s: Seconds between the lines of counters; None for none.
        engagement: What is asked of each client's first action, and what is borne afterwards; None leaves that to the
            clients, and sends every action.
        controller: How time is estimated, and which share of the ticks may miss its deadline through their steps.
        realtime: How the server's process is scheduled and kept in memory.
    """

    bind: str = "tcp://127.0.0.1:5555"
    insecure: bool = False
    keys: str | None = None
    control: str | None = None
    telemetry: str | None = None
    backend: str = "onnxruntime-cpu"
    threads: PositiveCount = 1
    profile: str | None = None
    deadline_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.9
    handover_us: Annotated[int, msgspec.Meta(ge=0)] = 200
    valid_for_periods: Positive = 2.0
    max_observation_age_s: Positive | None = None
    max_message_bytes: Annotated[int, msgspec.Meta(ge=1024, le=2**24)] = 65536
    max_clients: PositiveCount = 64
    max_utilisation: Positive = 0.8
    idle_s: Positive = 60.0
    evict_silent_s: Positive = 3.0
    report_every_s: Positive | None = 30.0
    engagement: EngagementSettings | None = None
    controller: ControllerSettings = ControllerSettings()
    realtime: RealTimeSettings = RealTimeSettings()
