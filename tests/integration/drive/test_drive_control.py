"""An operator at the control socket of a running loop."""

import signal

import pytest

from tests.integration.drive.robots import PATIENCE_S, driving, listening, sensing
from vgf_robot.control import ControlClient
from vgf_robot.engagement import EngagementState

pytestmark = pytest.mark.realtime


def test_a_robot_is_engaged_bounded_and_disengaged_from_outside(make_bundle_of, forgiving, tmp_path):
    control = f"ipc://{tmp_path}/control.sock"
    path = tmp_path / "drive.yaml"
    path.write_text(forgiving.read_text().replace("engage: true", "engage: false"))
    with (
        driving(make_bundle_of("delta"), "--config", str(path), "--control", control) as loop,
        sensing(loop.observations),
        listening(loop.commands) as robot,
        ControlClient(control, timeout_s=PATIENCE_S) as operator,
    ):
        assert operator.state().robots[0].engagement is EngagementState.DISENGAGED
        operator.instruct("engage")
        assert robot.until(lambda command: command.steps == 3).state is EngagementState.ENGAGED
        assert operator.set_ceilings(max_steps=1).point.max_steps == 1
        assert robot.until(lambda command: command.steps < 3).steps == 1
        assert operator.instruct("disengage").robots[0].engagement is EngagementState.DISENGAGED
        assert robot.rest()[-1].reason.value == "ending"  # a change of pose is not left as the last word
        code, said = loop.end(signal.SIGTERM)
        assert code == 0
        assert "control: engage every robot" in said
