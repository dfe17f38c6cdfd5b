"""An operator at the control socket of a server that robots use."""

import json
import subprocess
import sys

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import ENVIRONMENT, OBSERVATION, PATIENCE_S, VERB, Served, serving
from vgf_robot.control import ControlClient, NoControlError
from vgf_robot.controller import Budget, Ceilings
from vgf_robot.engagement import EngagementState
from vgf_robot.wire import Client, RefusedError

pytestmark = pytest.mark.realtime


@pytest.fixture
def place(tmp_path):
    return make_bundle(tmp_path / "served", name="first")


class Controlled:
    """A server with a control socket, and an operator."""

    def __init__(self, bundle, folder, *options):
        self.control = f"ipc://{folder}/control.sock"
        self._serving = serving(bundle, "--control", self.control, *options, announced=f"control at {self.control}")

    def __enter__(self):
        self.served: Served = self._serving.__enter__()
        self.operator = ControlClient(self.control, timeout_s=PATIENCE_S)
        return self

    def __exit__(self, *reason):
        self.operator.close()
        self._serving.__exit__(*reason)


def steps(client, **budget):
    return client.act(OBSERVATION, deadline_s=PATIENCE_S, budget=Budget(**budget)).command.steps


def test_ceilings_lower_every_request_and_outlive_a_reload(place, tmp_path):
    with (
        Controlled(place, tmp_path) as running,
        Client(running.served.endpoint, timeout_s=PATIENCE_S, any_bundle=True) as client,
    ):
        client.begin_episode(seed=0)
        assert steps(client) == 3
        assert running.operator.set_ceilings(max_steps=1).point.max_steps == 1
        assert (steps(client), steps(client, max_steps=2), steps(client, max_steps=0)) == (1, 1, 0)
        place.rename(tmp_path / "before")
        make_bundle(place, name="second")
        running.operator.reload()
        while running.operator.state().bundle != "second":
            steps(client)
        assert steps(client) == 1
        assert running.operator.set_ceilings(max_steps=None).ceilings == Ceilings()
        assert steps(client) == 3


def test_the_state_counts_and_names_the_clients(place, tmp_path):
    with (
        Controlled(place, tmp_path) as running,
        Client(running.served.endpoint, timeout_s=PATIENCE_S, name="left") as client,
    ):
        client.begin_episode(seed=0)
        steps(client)
        state = running.operator.state()
        assert (state.role, state.counters["answered"], state.counters["steps"]) == ("serve", 1, 3)
        assert [(robot.name, robot.engagement) for robot in state.robots] == [("left", None)]
        assert state.step_ns is not None
        with pytest.raises(RefusedError, match="sends every action"):
            running.operator.instruct("engage")


def test_each_robot_is_engaged_by_its_name(place, tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text("engagement: {blend_s: 0, max_stale_periods: 100000}\n")
    with (
        Controlled(place, tmp_path, "--config", str(path)) as running,
        Client(running.served.endpoint, timeout_s=PATIENCE_S, name="left") as left,
        Client(running.served.endpoint, timeout_s=PATIENCE_S, name="right") as right,
    ):
        for client in (left, right):
            client.begin_episode(seed=0)
        state = running.operator.instruct("engage", "left")
        assert {robot.name: robot.engagement for robot in state.robots} == {
            "left": EngagementState.CHECKING,
            "right": EngagementState.DISENGAGED,
        }
        answers = [client.act(OBSERVATION, deadline_s=PATIENCE_S) for client in (left, right)]
        assert [answer.valid_for_ns > 0 for answer in answers] == [True, False]
        running.operator.instruct("disengage")
        assert left.act(OBSERVATION, deadline_s=PATIENCE_S).valid_for_ns == 0
        with pytest.raises(RefusedError, match="expected a client 'middle', found 'left', 'right'"):
            running.operator.instruct("engage", "middle")


def verb(*arguments):
    command = [sys.executable, "-c", VERB, "control", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=ENVIRONMENT)


def test_the_verb_shows_how_things_stand_and_ends_the_server(place, tmp_path):
    with Controlled(place, tmp_path) as running:
        written = tmp_path / "state.json"
        shown = verb(running.control, "ceilings", "--max-steps", "1", "--json", str(written))
        assert (shown.returncode, shown.stderr) == (0, "")
        assert "runs at: max_steps 1, step_size 0.05; the bundle's own: max_steps 3, step_size 0.05" in shown.stdout
        assert json.loads(written.read_text())["rows"][0]["ceilings"]["max_steps"] == 1
        assert verb(running.control, "ceilings", "--max-steps", "none").stdout.count("ceilings: none") == 1
        assert verb(running.control, "stop").returncode == 0
        assert running.served.process.wait(PATIENCE_S) == 0
        gone = verb(running.control, "status", "--timeout-s", "0.1")
        assert (gone.returncode, len(gone.stderr.splitlines())) == (3, 1)
        assert "is not there" in gone.stderr
        with ControlClient(running.control, timeout_s=0.05) as late, pytest.raises(NoControlError):
            late.state()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "--max-steps", "1"), "--max-steps goes with the request ceilings, found 'status'"),
        (("ceilings",), "expected --max-steps, --step-size or --max-distance"),
        (
            ("ceilings", "--max-steps", "few"),
            "--max-steps: expected a whole number of 0 or more, or 'none', found 'few'",
        ),
        (("ceilings", "--max-steps", "-1"), "--max-steps: expected a whole number of 0 or more, or 'none', found '-1'"),
        (("ceilings", "--max-steps", str(2**64)), "--max-steps: expected a whole number of 0 or more"),
        (("ceilings", "--max-distance", "nan"), "--max-distance: expected a number of 0 or more"),
        (("reload", "--robot", "left"), "--robot goes with engage, disengage and clear"),
    ],
)
def test_words_that_do_not_go_together_are_refused_before_anybody_is_asked(arguments, said):
    refused = verb("ipc:///nowhere.sock", *arguments)
    assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
