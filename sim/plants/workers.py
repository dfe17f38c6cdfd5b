"""Worker processes for work in plants; each is told one task at a time, and leaves when its pipe closes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from vgf_robot.errors import MachineError, VgfError

Task = TypeVar("Task")
Result = TypeVar("Result")

ENVIRONMENT = {"MUJOCO_GL": "disable", "OMP_NUM_THREADS": "1"}  # no display to look for; processes, not threads


def in_workers(
    work: Callable[[Task], Result], tasks: Sequence[Task], num_workers: int, name: Callable[[Task], str]
) -> Generator[tuple[Task, Result]]:
    """Do tasks in processes of their own; yields each with its result as it is finished.

    Closing the generator, or an error, ends the workers at once. They end by themselves where this process is killed.

    Args:
        work: Does one task. It travels to each worker once and is kept there, with what it has opened.
        tasks: In the order in which they are begun.
        num_workers: Processes, 1 or more.
        name: What a task is called in an error, such as "episode 3".

    Raises:
        VgfError: What `work` raised first.
        MachineError: A worker died.
    """
    waiting = iter(tasks)
    busy: dict[Connection, Task] = {}
    processes: list[BaseProcess] = []
    try:
        for connection in _start(work, min(num_workers, len(tasks)), processes):
            _give_next(connection, waiting, busy, name)
        while busy:
            for connection in _ready(busy):
                yield _finished(connection, busy, name)
                _give_next(connection, waiting, busy, name)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _start(work: Callable[[Task], object], number: int, processes: list[BaseProcess]) -> list[Connection]:
    # Fresh processes: a forked one would inherit the threads of MuJoCo and of the backend without their stacks.
    context = multiprocessing.get_context("spawn")
    connections: list[Connection] = []
    with _inherited_by_workers():
        for _ in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, work), daemon=True)
            process.start()
            theirs.close()  # so that the worker's end closes when the worker dies
            processes.append(process)
            connections.append(ours)
    return connections


def _ready(busy: dict[Connection, Task]) -> list[Connection]:
    answered = wait(list(busy))
    return [connection for connection in busy if connection in answered]


def _give_next(
    connection: Connection, waiting: Iterator[Task], busy: dict[Connection, Task], name: Callable[[Task], str]
) -> None:
    for task in waiting:
        busy[connection] = task
        try:
            connection.send(task)
        except OSError:
            raise _death(name(task)) from None
        return
    connection.close()


def _finished(connection: Connection, busy: dict[Connection, Task], name: Callable[[Task], str]) -> tuple[Task, Any]:
    task = busy.pop(connection)
    try:
        failure, result = connection.recv()
    except (EOFError, OSError):
        raise _death(name(task)) from None
    if failure is not None:
        raise failure
    return task, result


def _death(name: str) -> MachineError:
    return MachineError(
        f"The worker that was at {name} died, perhaps for want of memory; repeat the command, with fewer --workers "
        "where memory is short."
    )


def _serve(connection: Connection, work: Callable[[Task], object]) -> None:
    """Do tasks until the pipe closes, which it does when the parent ends, however it ends."""
    while True:
        try:
            task: Task = connection.recv()
        except EOFError:
            return
        failure, result = None, None
        try:
            result = work(task)
        except (VgfError, OSError) as error:
            failure = error
        try:
            connection.send((failure, result))
        except OSError:
            return


@contextmanager
def _inherited_by_workers() -> Generator[None]:
    """Start processes with one thread, no display, and deaf to Ctrl-C, which is the parent's to handle."""
    # Started by the first worker otherwise, and that lets Ctrl-C through again.
    resource_tracker.ensure_running()
    before = {name: os.environ.get(name) for name in ENVIRONMENT}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
