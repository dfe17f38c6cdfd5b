"""Faults of the robot itself: a model that is not the one that the policy was trained on."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.faults.severity import Fault, NotNegative, Positive
from sim.plants.engine import mujoco
from sim.plants.names import Names
from sim.plants.plant import Physics
from vgf_robot.errors import PlantError

CHANGED = (
    *(
        "body_mass",
        "body_inertia",
        "body_subtreemass",
        "body_invweight0",
        "dof_invweight0",
        "dof_M0",
        "tendon_invweight0",
    ),
    *("actuator_acc0", "geom_friction", "pair_friction", "dof_damping", "actuator_gainprm", "actuator_biasprm"),
)
"""The arrays of a model that faults may change; beside them `opt.gravity` and `stat.meaninertia`."""
_FROM_MASS = ("body_subtreemass", "body_invweight0", "dof_invweight0", "dof_M0", "tendon_invweight0", "actuator_acc0")


class ModelFault(Fault, frozen=True, kw_only=True):
    """Base of the faults of models."""

    def disturb(self, physics: Physics, severity: float, rng: np.random.Generator) -> None:
        """Change model or state of an episode that has just begun.

        Args:
            physics: Of the plant; set back by whoever called.
            severity: In (0, 1].
            rng: The fault's, for the episode.

        Raises:
            PlantError: The model lacks what the fault changes.
        """
        raise NotImplementedError


class Scaled(ModelFault, frozen=True, kw_only=True):
    """Base of the faults that multiply.

    Attributes:
        factor: What is multiplied by at severity 1; 1 + severity * (factor - 1) below that.
    """

    factor: NotNegative

    def at(self, severity: float) -> float:
        """Return the factor at a severity."""
        return 1.0 + severity * (self.factor - 1.0)


class Mass(Scaled, frozen=True, kw_only=True):
    """Bodies are heavier or lighter, and their inertia with them.

    Attributes:
        factor: Of mass and inertia, above 0.
        bodies: Their names; left out for all.
    """

    factor: Positive
    bodies: tuple[str, ...] = ()

    def disturb(self, physics: Physics, severity: float, rng: np.random.Generator) -> None:
        """Change the masses, and what MuJoCo derives from them."""
        del rng
        model = physics.model
        bodies = _chosen(self, model, "body", self.bodies)
        if not model.body_mass[bodies].any():
            raise PlantError(_lacking(self, "bodies with a mass"))
        model.body_mass[bodies] *= self.at(severity)
        model.body_inertia[bodies] *= self.at(severity)
        derived = copy.copy(model)  # the call sets other things too, from a pose that is not this one
        mujoco().mj_setConst(derived, mujoco().MjData(derived))
        for name in _FROM_MASS:
            getattr(model, name)[:] = getattr(derived, name)
        model.stat.meaninertia = derived.stat.meaninertia


class Friction(Scaled, frozen=True, kw_only=True):
    """Contacts slide more or less easily.

    Attributes:
        factor: Of the sliding friction.
        geoms: Names of the geoms; left out for all, and for the pairs that the model lists.
    """

    geoms: tuple[str, ...] = ()

    def disturb(self, physics: Physics, severity: float, rng: np.random.Generator) -> None:
        """Change the friction."""
        del rng
        model = physics.model
        geoms = _chosen(self, model, "geom", self.geoms)
        if not (model.geom_contype[geoms].any() or model.geom_conaffinity[geoms].any() or model.npair):
            raise PlantError(_lacking(self, "geoms that touch anything"))
        model.geom_friction[geoms, 0] *= self.at(severity)
        if not self.geoms:
            model.pair_friction[:, :2] *= self.at(severity)


class Damping(Scaled, frozen=True, kw_only=True):
    """Joints are damped more or less.

    Attributes:
        factor: Of the damping.
        joints: Their names; left out for all.
    """

    joints: tuple[str, ...] = ()

    def disturb(self, physics: Physics, severity: float, rng: np.random.Generator) -> None:
        """Change the damping."""
        del rng
        model = physics.model
        chosen = np.isin(model.dof_jntid, _chosen(self, model, "joint", self.joints))
        if not model.dof_damping[chosen].any():
            raise PlantError(_lacking(self, "joints with damping, which a factor could change"))
        model.dof_damping[chosen] *= self.at(severity)


class ActuatorGain(Scaled, frozen=True, kw_only=True):
    """Actuators are stronger or weaker: the whole force of a motor or servo is multiplied.

    Attributes:
        factor: Of the force.
        actuators: Their names; left out for all.
    """

    actuators: tuple[str, ...] = ()

    def disturb(self, physics: Physics, severity: float, rng: np.random.Generator) -> None:
        """Change the gains."""
        del rng
        model = physics.model
        chosen = _chosen(self, model, "actuator", self.actuators)
        model.actuator_gainprm[chosen] *= self.at(severity)
        model.actuator_biasprm[chosen] *= self.at(severity)


class GravityTilt(ModelFault, frozen=True, kw_only=True):
    """The floor is not level: gravity is tilted, in a direction drawn for the episode.

    Attributes:
        degrees: The angle; times the severity.
    """

    degrees: Positive

    def disturb(self, physics: Physics, severity: float, rng: np.random.Generator) -> None:
        """Turn gravity about a horizontal axis."""
        gravity = physics.model.opt.gravity
        if not gravity.any():
            raise PlantError(_lacking(self, "gravity"))
        angle, azimuth = np.radians(severity * self.degrees), rng.uniform(0, 2 * np.pi)
        axis = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
        along = axis * (axis @ gravity)
        across = np.cross(axis, gravity)
        gravity[:] = along + np.cos(angle) * (gravity - along) + np.sin(angle) * across


class InitialPose(ModelFault, frozen=True, kw_only=True):
    """The robot does not begin where it is believed to.

    Attributes:
        size: Each joint that turns or slides begins up to this far off, in rad or m; times the severity.
        joints: Their names; left out for all.
    """

    size: Positive
    joints: tuple[str, ...] = ()

    def disturb(self, physics: Physics, severity: float, rng: np.random.Generator) -> None:
        """Move the joints, and not out of their ranges."""
        model, data = physics.model, physics.data
        scalar = Names(model, type(self).__name__).scalar_joints()
        draws = dict(zip(scalar, rng.uniform(-1, 1, len(scalar)), strict=True))
        joints = [joint for joint in _chosen(self, model, "joint", self.joints) if joint in draws]
        if not joints:
            raise PlantError(_lacking(self, "joints that turn or slide"))
        for joint in joints:
            place = model.jnt_qposadr[joint]
            value = data.qpos[place] + severity * self.size * draws[joint]
            data.qpos[place] = np.clip(value, *model.jnt_range[joint]) if model.jnt_limited[joint] else value


def _chosen(fault: ModelFault, model: Any, kind: str, names: Sequence[str]) -> list[int]:
    """Return the numbers of the parts that a fault is about."""
    known = Names(model, type(fault).__name__)
    chosen = [known.index(kind, name) for name in names] or list(range(len(known.known(kind))))
    if not chosen:
        raise PlantError(_lacking(fault, {"body": "bodies"}.get(kind, f"{kind}s")))
    return chosen


def _lacking(fault: ModelFault, what: str) -> str:
    return f"{type(fault).__name__}: the model has no {what}; leave this fault out for this plant."
