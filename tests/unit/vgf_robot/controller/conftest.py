"""A controller on a fake clock: reference 2 ms, step 1 ms, select 1 ms, all known; margin 0.5 ms until a miss."""

from dataclasses import dataclass

import numpy as np
import pytest

from tests.bundles import make_bundle
from tests.clocks import FakeClock, FakeGraphs
from vgf_robot.bundle import Bundle
from vgf_robot.controller import Controller, ControllerSettings

# A hundredth of the bundle's period of 50 ms.
SETTINGS = ControllerSettings(miss_rate=0.0, margin_rise=0.01, window=8, warm_up_ticks=1, measured_ticks=2)


@dataclass
class Rig:
    """A controller, what it runs on, and one episode."""

    controller: Controller
    graphs: FakeGraphs
    clock: FakeClock

    def __post_init__(self):
        self.episode = self.controller.begin_episode(0)
        self.observation = np.zeros(3, np.float32)

    def tick(self, within_ns=None, **kwargs):
        """One tick with a deadline this long after now."""
        deadline_ns = None if within_ns is None else self.clock() + within_ns
        return self.controller.tick(self.episode, self.observation, deadline_ns, **kwargs)


@pytest.fixture
def make_rig(tmp_path):
    """Return a function that makes a rig; keywords go to the bundle."""

    def make(warm=True, settings=SETTINGS, **bundle) -> Rig:
        manifest = Bundle.load(make_bundle(tmp_path / str(len(list(tmp_path.iterdir()))), **bundle)).manifest
        clock = FakeClock()
        graphs = FakeGraphs(clock)
        controller = Controller(manifest, {(4, 2): graphs}, settings, clock)
        if warm:
            controller.warm_up()
            graphs.calls.clear()
            graphs.noises.clear()
        return Rig(controller, graphs, clock)

    return make
