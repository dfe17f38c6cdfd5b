"""A loop on a fake clock: period 50 ms, deadline 45 ms; reference 2 ms, step 1 ms, select 1 ms, three steps at most."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest

from tests.bundles import make_bundle
from tests.clocks import MS, FakeClock, FakeGraphs
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller, ControllerSettings
from vgf_robot.drive import Drive, DriveCommand, DriveSettings, Sensed
from vgf_robot.engagement import Engagement, EngagementSettings

PERIOD_NS = 50 * MS
# Engaged at the first observation, wherever the robot is, and without a blend: what is sent is the controller's own.
ENGAGEMENT = EngagementSettings(blend_s=0.0, assume_at_safe=True, max_first_change_share=1.0)
SETTINGS = DriveSettings(engage=True, handover_us=0, engagement=ENGAGEMENT)


@dataclass
class Robot:
    """Sensor and actuator: a new observation at every look, unless `script` says otherwise."""

    clock: FakeClock
    script: dict = field(default_factory=dict)
    """By look, from 0: what to change in the observation of that look; None for the one before again."""
    first: int = 0
    """Looks before this one find nothing."""
    looks: int = 0
    looked_ns: list[int] = field(default_factory=list)
    sent: list[DriveCommand] = field(default_factory=list)
    sent_ns: list[int] = field(default_factory=list)
    sensed: Sensed | None = None

    def newest(self) -> Sensed | None:
        look, self.looks = self.looks, self.looks + 1
        self.looked_ns.append(self.clock())
        changes = self.script.get(look, {})
        if look < self.first:
            return None
        if changes is not None:
            facts = {"observation": np.zeros(3, np.float32), "sequence": look, "taken_ns": self.clock()}
            self.sensed = Sensed(**{**facts, **changes})
        return self.sensed

    def send(self, command: DriveCommand) -> None:
        self.sent.append(command)
        self.sent_ns.append(self.clock())


@dataclass
class Rig:
    drive: Drive
    robot: Robot
    graphs: FakeGraphs
    clock: FakeClock
    start_ns: int

    def run(self, num_periods: int) -> "Rig":
        self.drive.run(num_periods)
        return self

    @property
    def sent_ms(self) -> list[float]:
        """When each command was sent, after the loop began."""
        return [(moment_ns - self.start_ns) / MS for moment_ns in self.robot.sent_ns]

    @property
    def rungs(self) -> list[str]:
        return [command.command.rung.value for command in self.robot.sent]


@pytest.fixture
def make_rig(tmp_path):
    """Return a function that makes a rig; `drive` changes settings, other keywords go to the bundle."""

    def make(drive=None, script=None, first=0, **bundle) -> Rig:
        folder = make_bundle(tmp_path / str(len(list(tmp_path.iterdir()))), **bundle)
        manifest = Bundle.load(folder).manifest
        clock = FakeClock()
        graphs = FakeGraphs(clock)
        controller = Controller(manifest, {(4, 2): graphs}, ControllerSettings(margin_rise=0.0), clock)
        controller.warm_up()
        robot = Robot(clock, script or {}, first)
        settings = msgspec.structs.replace(SETTINGS, **(drive or {}))
        loop = Drive(
            controller=controller,
            engagement=Engagement(manifest, settings.engagement),
            sensor=robot,
            actuator=robot,
            settings=settings,
            clock=clock,
            sleep=lambda seconds: clock.advance(round(seconds * 1e9)),
        )
        return Rig(loop, robot, graphs, clock, clock())

    return make
