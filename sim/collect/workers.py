"""Worker processes that make episodes; each is told one episode at a time, and leaves when its pipe closes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from sim.collect.episodes import EpisodeKey, EpisodeMaker
from sim.collect.parts import Parts
from sim.collect.protocol import Settings
from vgf_robot.errors import MachineError, VgfError

_ENVIRONMENT = {"MUJOCO_GL": "disable", "OMP_NUM_THREADS": "1"}  # no display to look for; processes, not threads


def make_episodes(
    settings: Settings, parts: Parts, keys: Sequence[EpisodeKey], num_workers: int
) -> Generator[EpisodeKey, None, None]:
    """Make and keep episodes; yields each as it is finished.

    Args:
        settings: What they depend on.
        parts: Where they are kept.
        keys: Which ones; the order in which they end is free.
        num_workers: Processes, 1 or more. One means this process itself.

    Raises:
        MachineError: A worker died.
    """
    num_workers = min(num_workers, len(keys))
    if num_workers > 1:
        yield from _with_processes(settings, parts, keys, num_workers)
    elif keys:
        maker = EpisodeMaker(settings)
        for key in keys:
            parts.store(key, *maker.make(key))
            yield key


def _with_processes(
    settings: Settings, parts: Parts, keys: Sequence[EpisodeKey], num_workers: int
) -> Generator[EpisodeKey, None, None]:
    waiting = iter(keys)
    busy: dict[Connection, EpisodeKey] = {}
    processes: list[BaseProcess] = []
    try:
        for connection in _start(settings, parts.folder, num_workers, processes):
            _give_next(connection, waiting, busy)
        while busy:
            for connection in _ready(busy):
                yield _finished(connection, busy)
                _give_next(connection, waiting, busy)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _start(settings: Settings, folder: Path, number: int, processes: list[BaseProcess]) -> list[Connection]:
    context = multiprocessing.get_context("spawn")
    connections: list[Connection] = []
    with _inherited_by_workers():
        for _ in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(theirs, settings, folder), daemon=True)
            process.start()
            theirs.close()  # so that the worker's end closes when the worker dies
            processes.append(process)
            connections.append(ours)
    return connections


def _ready(busy: dict[Connection, EpisodeKey]) -> list[Connection]:
    answered = wait(list(busy))
    return [connection for connection in busy if connection in answered]


def _give_next(connection: Connection, waiting: Iterator[EpisodeKey], busy: dict[Connection, EpisodeKey]) -> None:
    key = next(waiting, None)
    if key is None:
        connection.close()
        return
    busy[connection] = key
    try:
        connection.send(key)
    except OSError:
        raise _death(key) from None


def _finished(connection: Connection, busy: dict[Connection, EpisodeKey]) -> EpisodeKey:
    key = busy.pop(connection)
    try:
        failure = connection.recv()
    except (EOFError, OSError):
        raise _death(key) from None
    if failure is not None:
        raise failure
    return key


def _death(key: EpisodeKey) -> MachineError:
    return MachineError(
        f"The worker that made episode {key.index} died, perhaps for want of memory; repeat the command to go on, with "
        "fewer --workers where memory is short."
    )


def _work(connection: Connection, settings: Settings, folder: Path) -> None:
    """Serve episodes until the pipe closes, which it does when the parent ends, however it ends."""
    parts = Parts(folder)
    maker: EpisodeMaker | None = None
    while True:
        try:
            key: EpisodeKey = connection.recv()
        except EOFError:
            return
        failure: Exception | None = None
        try:
            maker = maker or EpisodeMaker(settings)
            parts.store(key, *maker.make(key))
        except (VgfError, OSError) as error:
            failure = error
        try:
            connection.send(failure)
        except OSError:
            return


@contextmanager
def _inherited_by_workers() -> Iterator[None]:
    """Start processes with one thread, no display, and deaf to Ctrl-C, which is the parent's to handle."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
