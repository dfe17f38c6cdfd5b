"""Which faults there are at once, as a YAML file says it, and in which order they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from sim.faults.action import ActionDelay, ActionFault, ActionQuantisation, ActionRateLimit, DeadZone
from sim.faults.machine import CpuContention, ServerRestart
from sim.faults.model import ActuatorGain, Damping, Friction, GravityTilt, InitialPose, Mass, ModelFault
from sim.faults.observation import (
    DropOut,
    ObservationBias,
    ObservationDelay,
    ObservationFault,
    ObservationNoise,
    StuckSensor,
)
from sim.faults.transport import PacketLoss, TransportJitter

Kind = TypeVar("Kind")


class FaultSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Faults that come together. What is left out is no fault.

    The order is that of the fields, whatever their order in a file: it is the way that things go. The model is
    changed when an episode begins; an action is delayed on its way, then limited, rounded and ignored by the drive; a
    sensor's value is off, noisy, perhaps stuck, and then goes missing or comes late; a message gets lost or takes time
    between robot and controller, whose machine has other things to do or begins anew.

    Attributes:
        mass: Of the model.
        friction: Likewise.
        damping: Likewise.
        actuator_gain: Likewise.
        gravity_tilt: Likewise.
        initial_pose: Likewise.
        action_delay: Of the actions.
        action_rate_limit: Likewise.
        action_quantisation: Likewise.
        dead_zone: Likewise.
        observation_bias: Of the observations.
        observation_noise: Likewise.
        stuck_sensor: Likewise.
        drop_out: Likewise.
        observation_delay: Likewise.
        transport_jitter: Of the messages.
        packet_loss: Likewise.
        cpu_contention: Of the controller's machine.
        server_restart: Likewise.
    """

    mass: Mass | None = None
    friction: Friction | None = None
    damping: Damping | None = None
    actuator_gain: ActuatorGain | None = None
    gravity_tilt: GravityTilt | None = None
    initial_pose: InitialPose | None = None
    action_delay: ActionDelay | None = None
    action_rate_limit: ActionRateLimit | None = None
    action_quantisation: ActionQuantisation | None = None
    dead_zone: DeadZone | None = None
    observation_bias: ObservationBias | None = None
    observation_noise: ObservationNoise | None = None
    stuck_sensor: StuckSensor | None = None
    drop_out: DropOut | None = None
    observation_delay: ObservationDelay | None = None
    transport_jitter: TransportJitter | None = None
    packet_loss: PacketLoss | None = None
    cpu_contention: CpuContention | None = None
    server_restart: ServerRestart | None = None

    @property
    def of_model(self) -> tuple[ModelFault, ...]:
        """The faults of the model, in their order."""
        return self._kept(ModelFault)

    @property
    def of_actions(self) -> tuple[ActionFault, ...]:
        """The faults of the actions but for their delay, in their order."""
        return self._kept(ActionFault)

    @property
    def of_observations(self) -> tuple[ObservationFault, ...]:
        """The faults of the observations, in their order."""
        return self._kept(ObservationFault)

    @property
    def of_transport(self) -> bool:
        """Whether there is a fault between robot and controller."""
        return self.transport_jitter is not None or self.packet_loss is not None

    @property
    def of_machine(self) -> bool:
        """Whether there is a fault of the machine that the controller runs on."""
        return self.cpu_contention is not None or self.server_restart is not None

    def _kept(self, kind: type[Kind]) -> tuple[Kind, ...]:
        faults = (getattr(self, name) for name in self.__struct_fields__)
        return tuple(fault for fault in faults if isinstance(fault, kind))


NO_FAULTS = FaultSet()


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What an episode is run under.

    Attributes:
        faults: All at once.
        severity: How strong each is, from 0, no fault, to 1, as described.
    """

    faults: FaultSet = NO_FAULTS
    severity: float = 1.0

    @property
    def clear(self) -> bool:
        """Whether there is no fault at all."""
        return self.severity == 0 or self.faults == NO_FAULTS


CLEAR = Condition()
