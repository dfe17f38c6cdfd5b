"""The threads with which ZeroMQ moves messages."""

from __future__ import annotations

import os

import zmq

from vgf_robot.realtime.scheduling import io_priority
from vgf_robot.realtime.settings import RealTimeSettings


def schedule_io_threads(context: zmq.Context[zmq.Socket[bytes]], settings: RealTimeSettings) -> None:
    """Give a context's threads their priority and cores; they start with its first socket.

    Call it after `enter`, which finds out whether they are permitted: ZeroMQ ends the process where they are not.

    Args:
        context: Without sockets so far.
        settings: Those that are in force.
    """
    if settings.fifo_priority is not None:
        context.set(zmq.THREAD_SCHED_POLICY, os.SCHED_FIFO)
        context.set(zmq.THREAD_PRIORITY, io_priority(settings.fifo_priority))
    for core in settings.cores or ():
        context.set(zmq.THREAD_AFFINITY_CPU_ADD, core)
