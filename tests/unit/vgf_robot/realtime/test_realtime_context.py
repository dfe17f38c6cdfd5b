import os

import pytest
import zmq

from vgf_robot.realtime import RealTimeSettings, schedule_io_threads


class FakeContext:
    def __init__(self) -> None:
        self.options: list[tuple[int, int]] = []

    def set(self, option: int, value: int) -> None:
        self.options.append((option, value))


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (RealTimeSettings(lock_memory=True), []),
        (
            RealTimeSettings(fifo_priority=98),
            [(zmq.THREAD_SCHED_POLICY, os.SCHED_FIFO), (zmq.THREAD_PRIORITY, 99)],
        ),
        (
            RealTimeSettings(cores=(2, 3)),
            [(zmq.THREAD_AFFINITY_CPU_ADD, 2), (zmq.THREAD_AFFINITY_CPU_ADD, 3)],
        ),
    ],
)
def test_threads_get_their_priority_and_cores(settings, options):
    context = FakeContext()
    schedule_io_threads(context, settings)  # type: ignore[arg-type]
    assert context.options == options


def test_zeromq_takes_the_options():
    with zmq.Context() as context:  # without a socket there are no threads, and nothing needs a permission
        schedule_io_threads(context, RealTimeSettings(fifo_priority=10, cores=(0,)))
        assert context.get(zmq.THREAD_SCHED_POLICY) == os.SCHED_FIFO
