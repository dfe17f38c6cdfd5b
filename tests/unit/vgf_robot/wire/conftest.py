from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest

from vgf_robot.bundle import Bundle, Field, Manifest, OperatingPoint, Transport, Variant
from vgf_robot.controller import Ceilings, Command, Reason, Rung, Status, Timings
from vgf_robot.wire.addressed import Arrival
from vgf_robot.wire.arrays import pack
from vgf_robot.wire.codec import encode
from vgf_robot.wire.dispatcher import Dispatcher
from vgf_robot.wire.handshake import welcome
from vgf_robot.wire.messages import VERSION, Engage, Expectations, Hello, Observe
from vgf_robot.wire.served_bundle import ServedBundle
from vgf_robot.wire.settings import ServeSettings
from vgf_robot.wire.state import ServerState
from vgf_robot.wire.worker import Worker

MS = 1_000_000


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        schema_version=1,
        name="tiny",
        environment="Test-v0",
        observation=(
            Field(name="goal", size=2, unit="m", low=(-1.0, -1.0), high=(1.0, 1.0)),
            Field(name="speed", size=1, unit="m/s", low=(-2.0,), high=(2.0,)),
        ),
        action=(Field(name="displacement", size=2, unit="m", low=(-2.0, -2.0), high=(2.0, 2.0)),),
        action_kind="delta",
        safe_action=(0.0, 0.0),
        control_period_s=0.05,
        transport=Transport(form="independent", optimiser="plain", alpha=1.0, aggregation="mean"),
        operating_point=OperatingPoint(num_particles=4, reference_steps=2, max_steps=3, step_size=0.05),
        variants=(
            Variant(num_particles=4, reference_steps=2, precision="float32", reference="r", step="t", select="s"),
        ),
        provenance={},
        files={},
    )


class FakeClock:
    def __init__(self) -> None:
        self.now_ns = 1_000 * MS

    def __call__(self) -> int:
        return self.now_ns


class FakeController:
    """Takes 10 ms of the fake clock per tick and writes down what it was asked."""

    manifest = SimpleNamespace(name="tiny", control_period_s=0.05)

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.asked: list[SimpleNamespace] = []
        self.seeds: list[int] = []
        self.fault: Exception | None = None
        self.rung = Rung.TRANSPORT
        self.action = (1.0, 2.0)
        self.cost_ns = 2 * MS  # of reference and selection together
        self.ceilings = Ceilings()

    def succeed(self, earlier):
        self.ceilings = earlier.ceilings

    def costs(self, budget=None):
        half = SimpleNamespace(estimate_ns=self.cost_ns / 2)
        return SimpleNamespace(reference=half, step=half, select=half)

    def begin_episode(self, seed):
        self.seeds.append(seed)
        episode = SimpleNamespace(seed=seed, remembered="particles", commanded_ns=0, taken_back=[])
        episode.take_back = episode.taken_back.append
        return episode

    def start(self, episode, budget):
        return SimpleNamespace(seed=episode.seed, budget=budget)

    def tick(self, episode, observation, deadline_ns, budget, between_stages, steps_until_ns):
        self.asked.append(
            SimpleNamespace(
                episode=episode,
                observation=observation,
                deadline_ns=deadline_ns,
                budget=budget,
                steps_until_ns=steps_until_ns,
            )
        )
        between_stages()
        if self.fault is not None:
            raise self.fault
        self.clock.now_ns += 10 * MS
        late = deadline_ns is not None and self.clock.now_ns > deadline_ns
        return Command(
            action=np.array(self.action, np.float32),
            status=Status.LATE if late else Status.ON_TIME,
            rung=self.rung,
            reason=Reason.OVERRAN if late else Reason.COMPLETE,
            steps=3,
            value=-1.0,
            spread=0.0,
            displacement=0.1,
            limited=0.0,
            timings=Timings(reference_ns=1, step_ns=(1, 1, 1), select_ns=1, tick_ns=10 * MS),
        )


class Bench:
    """Dispatcher and worker around one state, without a socket."""

    def __init__(self, manifest: Manifest, guard=None, **settings) -> None:
        self.manifest = manifest
        self.settings = ServeSettings(**settings)
        self.clock = FakeClock()
        self.controller = FakeController(self.clock)
        self.state = ServerState.of(self.settings)
        self.dispatcher = Dispatcher(policy=self.policy(), settings=self.settings, state=self.state, guard=guard)
        self.worker = Worker(
            controller=self.controller,
            state=self.state,
            handover_ns=1000 * self.settings.handover_us,
            valid_for_us=100_000,
            clock=self.clock,
        )

    def policy(self, sha256="ab" * 32, **changes) -> ServedBundle:
        manifest = msgspec.structs.replace(self.manifest, **changes)
        return ServedBundle(
            source="nowhere",
            bundle=Bundle(Path("nowhere"), manifest, sha256),
            controller=self.controller,
            facts=welcome(manifest, sha256, self.settings),
            graphs=(),
            opener=lambda bundle, variant, threads: None,
        )

    def say(self, message, client=b"a", num_frames=1):
        payload = message if isinstance(message, bytes) else encode(message)
        arrival = Arrival(
            address=client,
            identity=client,
            frames=(payload,),
            num_frames=num_frames,
            arrived_ns=self.clock.now_ns,
        )
        return [outgoing.message for outgoing in self.dispatcher.handle(arrival)]

    def serve_one(self):
        return self.worker.serve_one(lambda: None)

    def greet(self, *clients):
        for client in clients or (b"a",):
            self.say(hello(), client)


@pytest.fixture
def bench(manifest) -> Bench:
    return Bench(manifest)


@pytest.fixture
def make_bench(manifest):
    return lambda **settings: Bench(manifest, **settings)


def hello(sequence=1, rate_hz=None, **expect) -> Hello:
    return Hello(version=VERSION, sequence=sequence, name="robot", expect=Expectations(**expect), rate_hz=rate_hz)


def observe(sequence=2, entries=(0.1, 0.2, 0.3), **changes) -> Observe:
    message = Observe(
        version=VERSION,
        sequence=sequence,
        episode=1,
        seed=7,
        observation=pack(np.array(entries, np.float32)),
        observation_age_us=0,
    )
    return msgspec.structs.replace(message, **changes)


@pytest.fixture
def hello_message():
    return hello


@pytest.fixture
def observe_message():
    return observe


@pytest.fixture
def engage_message():
    return lambda action="engage", sequence=2: Engage(version=VERSION, sequence=sequence, action=action)
