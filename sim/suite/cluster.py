"""The episodes of a suite on a Ray cluster: the same ones, in processes that may be on other machines."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sim.suite.cells import Key
from sim.suite.cluster_worker import Load, Shared, Worker
from vgf_robot.errors import ConfigError, MachineError

LOCAL = "local"
_STORE_BYTES = 200_000_000  # of a cluster that we start: it holds bundles and rows
_CLOSING_S = 10.0
_LISTENER_S = 10.0
_RETRIES = 2  # of an episode whose node is lost; it comes out the same anywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Where the episodes are run.

    Attributes:
        address: `local` starts a cluster on this machine and ends it, `auto` finds the one that this machine belongs
            to, anything else is the address of one.
        num_workers: Processes; None for one per processor of the cluster.
    """

    address: str
    num_workers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A cluster that answers.

    Attributes:
        ray: Ray itself.
        num_workers: Processes that it has room for, or that were asked for.
    """

    ray: Any
    num_workers: int


def on_cluster(
    load: Load, keys: Sequence[Key], pool: Pool, name: Callable[[Key], str]
) -> Generator[tuple[Key, dict[str, Any]]]:
    """Run episodes on a cluster; yields each with its row as it ends.

    Args:
        load: The suite.
        keys: In the order in which they are begun.
        pool: The cluster.
        name: What an episode is called in an error.

    Raises:
        VgfError: What an episode raised first, or a node that differs from this machine.
        MachineError: A worker was lost again and again.
    """
    ray = pool.ray
    remote = ray.remote(num_cpus=1, max_restarts=_RETRIES, max_task_retries=_RETRIES)(Worker)
    shared = [ray.put(load)]  # in a list it travels as a reference, which a worker that starts anew can follow again
    workers = [remote.remote() for _ in range(min(pool.num_workers, len(keys)))]
    waiting, busy = iter(keys), dict[Any, tuple[Any, Key]]()
    try:
        _require_same(ray, workers, shared)
        for worker in workers:
            _give_next(worker, shared, waiting, busy)
        while busy:
            for done in ray.wait(list(busy), num_returns=1)[0]:
                worker, key = busy.pop(done)
                yield key, _row(ray, done, name(key))
                _give_next(worker, shared, waiting, busy)
    finally:
        # After the episode that each is at; one that does not end is ended with the connection.
        ray.wait([worker.close.remote() for worker in workers], num_returns=len(workers), timeout=_CLOSING_S)


@contextmanager
def connected(cluster: Cluster) -> Iterator[Pool]:
    """Lend a cluster; one that was started here ends.

    Raises:
        MachineError: Ray is not installed, or there is no cluster.
    """
    _require_listener(cluster.address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would report to its makers
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MachineError(
            "--ray-address needs the Python package 'ray', which is not installed; run `pip install -e '.[sim,ray]'` "
            "in a clone of vgf-robot."
        ) from error
    settings: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "configure_logging": False}
    if cluster.address == LOCAL:
        settings |= {"num_cpus": cluster.num_workers or os.cpu_count(), "object_store_memory": _STORE_BYTES}
    else:
        del settings["include_dashboard"]
    try:
        ray.init(address=cluster.address, **settings)
    except (OSError, ValueError, RuntimeError) as error:
        raise _no_cluster(cluster.address, " ".join(str(error).split()).split(". ")[0].rstrip(".")) from error
    try:
        yield Pool(ray=ray, num_workers=cluster.num_workers or int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Ask whether anybody is at an address: Ray would take minutes to find out, and say so in many lines."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_LISTENER_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, getattr(error, "strerror", None) or str(error)) from error


def _no_cluster(address: str, reason: str) -> MachineError:
    return MachineError(
        f"There is no Ray cluster at '{address}' ({reason}); start one with `ray start --head`, take --ray-address "
        f"{LOCAL}, or set RAY_AUTH_MODE=token where the cluster asks for a token."
    )


def _require_same(ray: Any, workers: Sequence[Any], shared: Shared) -> None:
    try:
        complaints = ray.get([worker.complaint.remote(shared) for worker in workers])
    except ray.exceptions.RayError as error:
        raise MachineError(
            f"A Ray worker did not start ({_short(error)}); install vgf-robot with '.[sim,ray]' on every node."
        ) from error
    found = next(filter(None, complaints), None)
    if found is not None:
        raise ConfigError(found)


def _give_next(worker: Any, shared: Shared, waiting: Iterator[Key], busy: dict[Any, tuple[Any, Key]]) -> None:
    for key in waiting:
        busy[worker.run.remote(shared, key)] = worker, key
        return


def _row(ray: Any, done: Any, name: str) -> dict[str, Any]:
    try:
        failure, row = ray.get(done)
    except ray.exceptions.RayError as error:
        raise MachineError(
            f"The Ray worker that was at {name} was lost ({_short(error)}); the same command goes on from there."
        ) from error
    if failure is not None:
        raise failure
    return row


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) < 200 else f"{text[:200]}..."
