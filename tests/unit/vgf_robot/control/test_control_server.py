"""The desk at the end of a control socket: what it carries out, and what it answers to everything else."""

import msgspec
import pytest
import zmq

from vgf_robot.bundle import OperatingPoint
from vgf_robot.control import ControlClient, NoControlError, Robot, State
from vgf_robot.control.control_server import ControlServer
from vgf_robot.controller import Ceilings
from vgf_robot.engagement import EngagementState
from vgf_robot.errors import MachineError, ProtocolError
from vgf_robot.wire import ErrorKind, RefusedError

POINT = OperatingPoint(num_particles=4, reference_steps=2, max_steps=3, step_size=0.1)


class Machine:
    """Something that is controlled, and notes what was asked of it."""

    def __init__(self):
        self.ceilings = Ceilings()
        self.asked = []
        self.fault = None

    def set_ceilings(self, ceilings):
        self.ceilings = ceilings

    def instruct(self, action, robot):
        self.asked.append((action, robot))
        if self.fault is not None:
            raise self.fault

    def reload(self):
        self.asked.append("reload")

    def stop(self):
        self.asked.append("stop")

    def state(self, sequence):
        return State(
            version=1,
            sequence=sequence,
            role="serve",
            bundle="tiny",
            bundle_sha256="ab" * 32,
            control_period_s=0.05,
            sealed=POINT,
            ceilings=self.ceilings,
            point=self.ceilings.lower(POINT),
            reference_ns=1,
            step_ns=None,
            select_ns=3,
            margin_ns=0.5,
            counters={"answered": 7},
            robots=(Robot(name="arm", id="00", engagement=EngagementState.ENGAGED, reason=""),),
        )


class Counter:
    """A desk, and an operator whose waiting has the desk attend: one thread plays both."""

    def __init__(self):
        self.machine = Machine()
        self.told = []
        self.desk = ControlServer(self.machine, endpoint="tcp://127.0.0.1:*", tell=self.told.append)
        self.client = ControlClient(self.desk.endpoint, timeout_s=30.0)
        receive = self.client._channel.receive

        def receive_while_attending(until_ns):
            self.desk.attend()
            return receive(until_ns)

        self.client._channel.receive = receive_while_attending

    def ask_raw(self, *frames):
        with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
            peer.setsockopt(zmq.LINGER, 0)
            peer.connect(self.desk.endpoint)
            peer.send_multipart(frames)
            while not peer.poll(10):
                self.desk.attend()
            return msgspec.msgpack.decode(peer.recv())


@pytest.fixture
def counter():
    made = Counter()
    yield made
    made.client.close()
    made.desk.close()


def test_how_things_stand(counter):
    state = counter.client.state()
    assert state == counter.machine.state(1)
    assert counter.told == []  # looking changes nothing


def test_ceilings_move_one_by_one_and_are_lifted_by_none(counter):
    assert counter.client.set_ceilings(max_steps=2).point.max_steps == 2
    state = counter.client.set_ceilings(step_size=0.05, max_distance=0.2)
    assert state.ceilings == Ceilings(max_steps=2, step_size=0.05, max_distance=0.2)
    state = counter.client.set_ceilings(max_steps=None)
    assert state.ceilings == Ceilings(step_size=0.05, max_distance=0.2)
    assert (state.point.max_steps, state.point.max_distance) == (3, 0.2)
    assert counter.told[-1] == "control: ceilings step_size 0.05, max_distance 0.2"


@pytest.mark.parametrize("wrong", [{"step_size": 0.0}, {"max_distance": float("nan")}, {"step_size": -1.0}])
def test_ceilings_without_meaning_change_nothing(counter, wrong):
    counter.client.set_ceilings(max_steps=1)
    with pytest.raises(RefusedError) as refused:
        counter.client.set_ceilings(**wrong)
    assert refused.value.kind is ErrorKind.BUDGET
    assert counter.machine.ceilings == Ceilings(max_steps=1)


def test_a_negative_number_of_steps_is_no_request(counter):
    with pytest.raises(RefusedError, match="malformed"):
        counter.client.set_ceilings(max_steps=-1)


def test_instructions_reload_and_stop_are_carried_out_and_told(counter):
    counter.client.instruct("disengage")
    counter.client.instruct("clear", "arm\n2")
    counter.client.reload()
    counter.client.stop()
    assert counter.machine.asked == [("disengage", None), ("clear", "arm\n2"), "reload", "stop"]
    assert counter.told == [
        "control: disengage every robot",
        "control: clear 'arm\\n2'",
        "control: reload",
        "control: stop",
    ]


def test_what_cannot_be_done_is_said_and_not_told_as_done(counter):
    counter.machine.fault = RefusedError(ErrorKind.ENGAGEMENT, expected="no fault", found="one")
    with pytest.raises(RefusedError, match="expected no fault, found one"):
        counter.client.instruct("engage")
    assert counter.told == []


def test_a_fault_inside_costs_one_reply_and_says_nothing_of_itself(counter, caplog):
    counter.machine.fault = ZeroDivisionError("/secret/path")
    with pytest.raises(RefusedError) as refused:
        counter.client.instruct("engage")
    assert refused.value.kind is ErrorKind.INTERNAL
    assert "secret" not in str(refused.value)
    assert "ZeroDivisionError" in caplog.text
    counter.machine.fault = None
    assert counter.client.state().bundle == "tiny"


STATUS = msgspec.msgpack.encode({"type": "status", "version": 1, "sequence": 4})


@pytest.mark.parametrize(
    ("frames", "kind", "sequence"),
    [
        ((b"\xc1",), "malformed", None),
        ((b"",), "malformed", None),
        ((STATUS, STATUS), "too_many_frames", None),
        ((msgspec.msgpack.encode({"type": "observe", "version": 1, "sequence": 4}),), "unknown_type", 4),
        ((msgspec.msgpack.encode({"type": "status", "version": 2, "sequence": 4}),), "wrong_version", 4),
        ((msgspec.msgpack.encode({"type": "status", "version": 1}),), "malformed", None),
        ((msgspec.msgpack.encode({"type": "stop", "version": 1, "sequence": 4, "now": True}),), "malformed", 4),
    ],
)
def test_what_is_no_request_is_answered_and_changes_nothing(counter, frames, kind, sequence):
    reply = counter.ask_raw(*frames)
    assert (reply["type"], reply["kind"], reply["sequence"]) == ("error", kind, sequence)
    assert counter.machine.asked == []


def test_many_frames_are_taken_off_whole(counter):
    assert counter.ask_raw(*[b"x"] * 50)["kind"] == "too_many_frames"
    assert counter.ask_raw(STATUS)["type"] == "state"


def test_a_taken_place_is_named(counter):
    with pytest.raises(MachineError, match="in use"):
        ControlServer(counter.machine, endpoint=counter.desk.endpoint, tell=print)


def test_nobody_at_the_endpoint_is_said_within_the_time(tmp_path):
    with (
        ControlClient(f"ipc://{tmp_path}/nobody.sock", timeout_s=0.05) as client,
        pytest.raises(NoControlError, match=r"is not there within .* s; start `serve` or `drive` with --control"),
    ):
        client.state()


def test_whoever_is_there_and_silent_is_told_from_nobody(counter):
    counter.client._timeout_s = 0.2
    counter.desk.attend = lambda: None
    with pytest.raises(NoControlError, match="is connected but did not answer"):
        counter.client.state()


@pytest.mark.parametrize("timeout_s", [-1.0, float("nan"), 1e9])
def test_a_wait_that_is_no_time_is_refused(timeout_s):
    with pytest.raises(ProtocolError, match="timeout_s: expected 0 to 3600 seconds"):
        ControlClient("ipc:///tmp/nobody.sock", timeout_s=timeout_s)
