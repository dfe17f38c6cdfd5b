"""Plant and driver under a set of faults, and what can be said against one before the first episode."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

import numpy as np
from numpy.typing import NDArray

from sim.evaluation.driver import Driver, Restartable
from sim.evaluation.real_time import Clock
from sim.faults.action import Motors
from sim.faults.fault_set import Condition, FaultSet
from sim.faults.machine import contended
from sim.faults.observation import Senses
from sim.faults.plants import ModelFaultPlant, MotorFaultPlant, SensorFaultPlant
from sim.faults.restart_driver import RestartFaultDriver
from sim.faults.severity import fault_generator
from sim.faults.transport_driver import TransportFaultDriver
from sim.plants.plant import DivisiblePlant
from vgf_robot.bundle import Manifest
from vgf_robot.errors import ConfigError


@contextmanager
def faulty_plant(plant: DivisiblePlant, condition: Condition, manifest: Manifest) -> Generator[DivisiblePlant]:
    """Lend a plant with faults; afterwards the plant is what it was.

    From the inside: the model, the motors, the sensors. At severity 0 it is the plant itself.

    Args:
        plant: Without faults.
        condition: Faults of transport do not count here.
        manifest: Of the bundle that controls it.
    """
    faults, severity = condition.faults, condition.severity
    body: ModelFaultPlant | None = None
    faulty = plant
    if severity > 0 and faults.of_model:
        faulty = body = ModelFaultPlant(faulty, faults.of_model, severity)
    if severity > 0 and (faults.of_actions or faults.action_delay is not None):
        faulty = MotorFaultPlant(faulty, faults.action_delay, faults.of_actions, severity, _motors(plant, manifest))
    if severity > 0 and faults.of_observations:
        faulty = SensorFaultPlant(faulty, faults.of_observations, severity, _senses(plant, manifest))
    try:
        yield faulty
    finally:
        if body is not None:
            body.restore()


def faulty_driver(driver: Driver, condition: Condition, clock: Clock, controller: Restartable | None) -> Driver:
    """Return the driver behind a connection with faults, whose other end may break down.

    At severity 0 it is the driver itself.

    Args:
        driver: Without faults.
        condition: Faults of transport and restarts count here.
        clock: Of the episode.
        controller: What the driver asks; None where it cannot be restarted.
    """
    faults, severity = condition.faults, condition.severity
    if severity == 0:
        return driver
    if faults.server_restart is not None and controller is not None:
        driver = RestartFaultDriver(driver, controller, faults.server_restart, severity, clock)
    return TransportFaultDriver(driver, faults, severity, clock) if faults.of_transport else driver


def faulty_machine(clock: Clock, condition: Condition, seed: int) -> AbstractContextManager[None]:
    """Return a context in which the machine has the condition's faults.

    Args:
        clock: Of the episode.
        condition: Contention for the processor counts here.
        seed: The episode's.
    """
    return contended(clock, condition.faults.cpu_contention, condition.severity, seed)


def require_applicable(
    plant: DivisiblePlant, faults: FaultSet, manifest: Manifest, *, has_deadline: bool, own_machine: bool = True
) -> None:
    """Refuse faults that cannot be, before an episode is run; the plant is reset.

    Args:
        plant: Without faults.
        faults: All of them.
        manifest: Of the bundle that controls it.
        has_deadline: Whether an action can come too late.
        own_machine: Whether the controller runs here, or in a server of this evaluation.

    Raises:
        PlantError: The model lacks what a fault changes.
        ConfigError: An entry that the observation does not have, a trace that is none, messages that get lost or late
            or a machine with other things to do where the plant waits, or a machine that is not this evaluation's.
    """
    if (faults.of_transport or faults.of_machine) and not has_deadline:
        raise ConfigError(
            "A plant that waits minds no message that is late or lost, and no machine that is slow or begins anew; "
            "take the clock real-time or charged."
        )
    if faults.of_machine and not own_machine:
        raise ConfigError(
            "A server that this evaluation has not started can neither be restarted nor slowed down by it; leave "
            "cpu_contention and server_restart out, or take --through server."
        )
    senses = _senses(plant, manifest)
    for fault in faults.of_observations:
        fault.effect(1.0, senses, fault_generator(0, fault))
    if faults.transport_jitter is not None:
        faults.transport_jitter.times_ms()
    if faults.of_model:
        body = ModelFaultPlant(plant, faults.of_model, 1.0)
        try:
            body.reset(0)
        finally:
            body.restore()


def _senses(plant: DivisiblePlant, manifest: Manifest) -> Senses:
    low, high = (_bounds(manifest, side) for side in ("low", "high"))
    return Senses(span=high - low, period_s=plant.control_period_s)


def _bounds(manifest: Manifest, side: str) -> NDArray[np.float32]:
    return np.array([value for field in manifest.observation for value in getattr(field, side)], np.float32)


def _motors(plant: DivisiblePlant, manifest: Manifest) -> Motors:
    return Motors(
        low=plant.action_low,
        high=plant.action_high,
        rest=np.array(manifest.safe_action, np.float32),
        absolute=manifest.action_kind == "absolute",
        period_s=plant.control_period_s,
    )
