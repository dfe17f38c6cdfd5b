"""Where the controller runs: behind `serve` in a process of its own, or in the robot's own process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Literal

from sim.evaluation.driver import Driver, InProcess
from sim.evaluation.job import Job
from sim.evaluation.remote import ThroughServer
from sim.evaluation.serving import serving
from vgf_robot.bundle import Bundle

BACKEND, THREADS = "onnxruntime-cpu", 1
DEADLINE_SHARE = 0.9
Through = Literal["in-process", "server"]


@contextmanager
def opened_driver(bundle: Bundle, through: Through) -> Iterator[Driver]:
    """Open a driver of this bundle for as long as the context lasts.

    Args:
        bundle: What to run.
        through: `server` starts `serve` and goes through the client that a robot uses; `in-process` does neither.

    Raises:
        ServerError: The server does not start.
    """
    with ExitStack() as stack:
        if through == "server":
            server = stack.enter_context(serving(bundle.folder, BACKEND, THREADS))
            driver: Driver = ThroughServer.connect(bundle, server.endpoint, server)
        else:
            driver = InProcess.open(bundle, BACKEND, THREADS)
        stack.callback(driver.close)
        yield driver


def real_time_job(bundle: Bundle, environment: str, seed: int) -> Job:
    """Return what real-time episodes through the demo's servers have in common."""
    return Job(
        bundle=bundle.folder,
        environment=environment,
        backend=BACKEND,
        threads=THREADS,
        seed=seed,
        clock="real-time",
        deadline_share=DEADLINE_SHARE,
    )
