"""A robot of one's own in a YAML file: a MuJoCo model, what is observed, what is commanded, and perhaps a goal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from vgf_robot.config import load
from vgf_robot.errors import ConfigError

Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Point = tuple[float, float, float]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of entries of the observation.

    Attributes:
        kind: What is read: `joint_positions` (rad, m, or a unit quaternion), `joint_velocities`, `sensors` as the model
            declares them, `site_positions` (three world coordinates in metres each).
        names: Of joints, sensors or sites in the model, in the order of the entries.
    """

    kind: Literal["joint_positions", "joint_velocities", "sensors", "site_positions"]
    names: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Start(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an episode begins; what is drawn follows from its seed.

    Attributes:
        keyframe: Name of a key of the model; None for the model's own pose.
        joint_noise: Each hinge and slide begins up to this far from there, in rad or m.
        target_low: Smallest coordinates of the goal's target, in metres; None leaves it where the model has it.
        target_high: Largest ones.
    """

    keyframe: str | None = None
    joint_noise: NotNegative = 0.0
    target_low: Point | None = None
    target_high: Point | None = None


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The task: bring one site to another.

    Attributes:
        site: The site that moves.
        target: Where it shall be.
        within_m: Distance in metres at which the task is solved; the episode ends there.
        reward: `distance`: minus the distance in metres; `success`: 0 where solved, else -1.
    """

    site: str
    target: str
    within_m: Positive
    reward: Literal["distance", "success"] = "distance"


class XmlRobot(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds.

    Attributes:
        model: Path of the MuJoCo XML file, seen from this file's folder.
        control_period_s: Simulated seconds of one action; a whole number of the model's time steps.
        observation: Its parts, in their order.
        actuators: The commanded ones, in the order of the action's entries; left out for all of the model.
        start: How an episode begins.
        goal: The task; left out, rewards are 0 and nothing says success.
        time_limit_s: Simulated seconds after which an episode ends.
    """

    model: str
    control_period_s: Positive
    observation: Annotated[tuple[Source, ...], msgspec.Meta(min_length=1)]
    actuators: tuple[str, ...] = ()
    start: Start = Start()
    goal: Goal | None = None
    time_limit_s: Positive = 10.0


def is_robot_file(environment_id: str) -> bool:
    """Return whether a plant's name is the path of a robot's file."""
    return environment_id.endswith((".yaml", ".yml"))


def load_robot(path: Path) -> XmlRobot:
    """Read a robot's file; its model's path becomes that of the file itself.

    Raises:
        ConfigError: The file or its model is missing, or it does not say what it should.
    """
    robot = load(path, XmlRobot)
    start = robot.start
    if (start.target_low is None) != (start.target_high is None):
        raise ConfigError(f"In {path}: expected start.target_low and start.target_high together; give both or none.")
    if start.target_low is not None and start.target_high is not None:
        if robot.goal is None:
            raise ConfigError(f"In {path}: start.target_low needs a goal, whose target it places; give one.")
        if any(low > high for low, high in zip(start.target_low, start.target_high, strict=True)):
            raise ConfigError(f"In {path}: start.target_low is above start.target_high; exchange the two.")
    model = path.parent / robot.model
    if not model.is_file():
        raise ConfigError(f"In {path}: model {model} does not exist; give the path of an XML file seen from {path}.")
    return msgspec.structs.replace(robot, model=str(model))
