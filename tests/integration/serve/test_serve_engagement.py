"""A robot that is engaged by its server."""

import numpy as np
import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import OBSERVATION, PATIENCE_S, serving
from vgf_robot.engagement import EngagementState
from vgf_robot.wire import Client, ErrorKind, RefusedError

pytestmark = pytest.mark.realtime

POSE = (0.3, -0.2)


@pytest.fixture(scope="module")
def absolute(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("absolute") / "bundle", action_kind="absolute", safe_action=(1.0, 1.0))


@pytest.fixture(scope="module")
def engaging(tmp_path_factory):
    """Options of a server that engages its clients, and is patient with slow machines."""
    path = tmp_path_factory.mktemp("settings") / "serve.yaml"
    path.write_text("engagement: {blend_s: 0.2, max_first_change_share: 0.2, max_stale_periods: 100000}\n")
    return "--config", str(path)


def test_from_standing_by_to_following_and_back(absolute, engaging):
    with serving(absolute, *engaging) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        assert client.welcome.engagement
        client.begin_episode(seed=0)

        def act():
            return client.act(OBSERVATION, deadline_s=PATIENCE_S, pose=POSE)

        standing_by = act()
        assert standing_by.engagement is EngagementState.DISENGAGED
        assert standing_by.expired(standing_by.received_ns)
        np.testing.assert_allclose(standing_by.action, POSE)
        assert client.engage().state is EngagementState.CHECKING
        first = act()
        assert (first.engagement, first.valid_for_ns) == (EngagementState.BLENDING_IN, 100_000_000)
        np.testing.assert_allclose(first.action, POSE)
        states = [first.engagement]
        while states[-1] is EngagementState.BLENDING_IN and len(states) < 10_000:
            states.append(act().engagement)
        assert states[-1] is EngagementState.ENGAGED
        assert client.disengage().state is EngagementState.DISENGAGED
        assert act().valid_for_ns == 0


def test_a_fault_is_latched_and_said_until_it_is_cleared(absolute, engaging):
    with serving(absolute, *engaging) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        client.engage()
        far = client.act(OBSERVATION, deadline_s=PATIENCE_S, pose=(-2.0, 2.0))
        assert (far.engagement, far.valid_for_ns) == (EngagementState.FAULT, 0)
        assert "move the robot nearer" in far.engagement_reason
        with pytest.raises(RefusedError, match="clear it before engaging again") as caught:
            client.engage()
        assert caught.value.kind is ErrorKind.ENGAGEMENT
        assert client.clear().state is EngagementState.DISENGAGED
        assert client.engage().state is EngagementState.CHECKING


def test_after_a_restart_nobody_is_engaged(absolute, engaging):
    with serving(absolute, *engaging) as served, Client(served.endpoint, timeout_s=PATIENCE_S) as client:
        client.begin_episode(seed=0)
        client.engage()
        assert client.act(OBSERVATION, deadline_s=PATIENCE_S, pose=POSE).valid_for_ns > 0
        served.process.kill()
        served.process.wait(PATIENCE_S)
        with serving(absolute, *engaging, bind=served.endpoint):
            answer = client.act(OBSERVATION, deadline_s=PATIENCE_S, pose=POSE)
            assert (answer.engagement, answer.valid_for_ns) == (EngagementState.DISENGAGED, 0)


def test_a_server_without_engagement_says_so(server):
    with Client(server.endpoint, timeout_s=PATIENCE_S) as client:
        assert not client.welcome.engagement
        with pytest.raises(RefusedError, match="one that sends every action"):
            client.engage()
        client.begin_episode(seed=0)
        assert client.act(OBSERVATION, deadline_s=PATIENCE_S).engagement is None
