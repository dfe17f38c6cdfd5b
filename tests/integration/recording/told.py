"""What serving and driving tell, without a socket: real graphs that take as long as they are told, and a real file.

The reference takes 2 ms, a step 1 ms, a selection 1 ms.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.clocks import MS, FakeClock
from vgf_robot.backends import load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Budget, Controller, ControllerSettings
from vgf_robot.drive import Drive, DriveSettings, Sensed
from vgf_robot.engagement import Engagement, EngagementSettings
from vgf_robot.recording.form import to_json
from vgf_robot.recording.mcap_file import Entry, McapFile
from vgf_robot.telemetry import VERSION, DriveTelemetry, ServeTelemetry, Stamped
from vgf_robot.wire import Observe, ServeSettings, pack
from vgf_robot.wire.addressed import Arrival
from vgf_robot.wire.codec import encode
from vgf_robot.wire.dispatcher import Dispatcher
from vgf_robot.wire.handshake import welcome
from vgf_robot.wire.messages import NO_DEADLINE_US, Hello
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.state import ServerState
from vgf_robot.wire.worker import Worker

SEALED = Budget()


class Timed:
    """Real graphs on a fake clock.

    Args:
        graphs: What is called.
        clock: What goes on meanwhile.

    Attributes:
        overrun_ns: How much longer the next selection takes.
    """

    def __init__(self, graphs, clock: FakeClock) -> None:
        self.overrun_ns = 0
        self._graphs, self._clock = graphs, clock

    def reference(self, *inputs):
        self._clock.advance(2 * MS)
        return self._graphs.reference(*inputs)

    def step(self, *inputs):
        self._clock.advance(MS)
        return self._graphs.step(*inputs)

    def select(self, *inputs):
        self._clock.advance(MS + self.overrun_ns)
        self.overrun_ns = 0
        return self._graphs.select(*inputs)


class File:
    """A publisher that writes what it is told to a file, as a recorder would."""

    endpoint = None

    def __init__(self, path: Path) -> None:
        self.records = []
        self._file = McapFile(path)

    def publish(self, make) -> None:
        record = make()
        number = len(self.records)
        self.records.append(record)
        stamped = Stamped(version=VERSION, run=1, number=number, wall_ns=number, monotonic_ns=number, record=record)
        topic, content = to_json(stamped)
        self._file.add(Entry(topic=topic, wall_ns=number, number=number, content=content))

    def close(self) -> None:
        self._file.finish()


def timed_graphs(bundle: Bundle, clock: FakeClock) -> dict[tuple[int, int], Timed]:
    opener, steps = load_backend("onnxruntime-cpu"), bundle.manifest.operating_point.reference_steps
    return {
        (num, steps): Timed(opener(bundle, bundle.variant(num, steps), threads=1), clock)
        for num in bundle.manifest.particle_counts
    }


def controller_of(bundle: Bundle, graphs: dict[tuple[int, int], Timed], clock: FakeClock, **settings) -> Controller:
    controller = Controller(bundle.manifest, graphs, ControllerSettings(margin_rise=0.0, **settings), clock)
    controller.warm_up()
    return controller


class Serving:
    """A server without its socket."""

    def __init__(self, folder: Path, path: Path, engagement: EngagementSettings | None = None, **settings) -> None:
        self.clock, self.settings = FakeClock(1000 * MS), ServeSettings(handover_us=0, engagement=engagement)
        self.bundle = Bundle.load(folder)
        self.graphs = timed_graphs(self.bundle, self.clock)
        controller = controller_of(self.bundle, self.graphs, self.clock, **settings)
        policy = ServedBundle(
            source=folder,
            bundle=self.bundle,
            controller=controller,
            facts=welcome(self.bundle.manifest, self.bundle.sha256, self.settings),
            graphs=(),
            opener=load_backend("onnxruntime-cpu"),
        )
        state = ServerState.of(self.settings)
        self.dispatcher = Dispatcher(policy=policy, settings=self.settings, state=state)
        self.worker = Worker(controller=controller, state=state, handover_ns=0, valid_for_us=100_000, clock=self.clock)
        self.file = File(path)
        self.telemetry = ServeTelemetry(self.file, self.settings)
        self.sequence = 0

    def say(self, message, client: bytes) -> None:
        self.dispatcher.handle(
            Arrival(
                address=client, identity=client, frames=(encode(message),), num_frames=1, arrived_ns=self.clock.now_ns
            )
        )

    def greet(self, client: bytes) -> None:
        self.sequence += 1
        self.say(Hello(version=1, sequence=self.sequence, name=client.decode()), client)

    def ask(
        self,
        observation,
        *,
        deadline_ms: float | None,
        budget: Budget = SEALED,
        client: bytes = b"arm",
        episode: int = 1,
        seed: int = 0,
        overrun_ms: float = 0,
    ):
        """Ask for an action 10 ms after the one before and return its command; None for no deadline."""
        self.sequence += 1
        self.clock.advance(10 * MS)
        for graphs in self.graphs.values():
            graphs.overrun_ns = round(overrun_ms * MS)
        self.say(
            Observe(
                version=1,
                sequence=self.sequence,
                episode=episode,
                seed=seed,
                observation=pack(np.asarray(observation, np.float32)),
                observation_age_us=0,
                deadline_us=NO_DEADLINE_US if deadline_ms is None else round(1000 * deadline_ms),
                budget=budget,
            ),
            client,
        )
        outgoing = self.worker.serve_one(lambda: None)
        assert outgoing is not None
        assert outgoing.served is not None
        self.telemetry.replied(outgoing, True)
        return outgoing.served.command


class Robot:
    """Sensor and actuator of a robot that is where a generator says."""

    def __init__(self, clock: FakeClock, silent: set[int]) -> None:
        self.clock, self.silent = clock, silent
        self.looks = 0
        self.sent = []
        self._generator = np.random.default_rng(0)
        self._sensed = None

    def newest(self) -> Sensed | None:
        self.looks += 1
        if self.looks not in self.silent:
            observation = self._generator.uniform(-1, 1, 3).astype(np.float32)
            self._sensed = Sensed(
                observation=observation,
                sequence=self.looks,
                taken_ns=self.clock.now_ns,
                pose=np.array([0.1, 0.2], np.float32),
            )
        return self._sensed

    def send(self, command) -> None:
        self.sent.append(command)


def drive(folder: Path, path: Path, settings: DriveSettings, num_periods: int, silent: set[int], overruns_ms=()):
    """Drive a robot; return what was told and what the robot was sent.

    Args:
        folder: Of the bundle.
        path: Of the file.
        settings: Of the loop.
        num_periods: How long.
        silent: Looks at the sensor, from 1, that find nothing new.
        overruns_ms: How much longer than thought each period's selection takes.
    """
    clock, bundle = FakeClock(1000 * MS), Bundle.load(folder)
    graphs = timed_graphs(bundle, clock)
    controller = controller_of(bundle, graphs, clock)
    overruns = iter(overruns_ms)

    def overrun(_) -> None:
        for each in graphs.values():
            each.overrun_ns = round(next(overruns, 0) * MS)

    robot, file = Robot(clock, silent), File(path)
    telemetry = DriveTelemetry(file, bundle, settings)
    loop = Drive(
        controller=controller,
        engagement=Engagement(bundle.manifest, settings.engagement),
        sensor=robot,
        actuator=robot,
        settings=settings,
        on_period=telemetry.drove,
        clock=clock,
        sleep=lambda seconds: setattr(clock, "now_ns", clock.now_ns + round(seconds * 1e9)),
    )
    loop.run(num_periods, overrun)
    file.close()
    return file.records, robot.sent
