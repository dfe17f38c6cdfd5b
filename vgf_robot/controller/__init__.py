"""The anytime controller: pure, with clock and seed passed in."""

from vgf_robot.controller.budget import Budget, resolve
from vgf_robot.controller.ceilings import Ceilings
from vgf_robot.controller.command import Command, Reason, Rung, Status, Timings, fallback_rungs
from vgf_robot.controller.controller import Controller
from vgf_robot.controller.costs import MEDIAN, StageCost
from vgf_robot.controller.episode import Episode
from vgf_robot.controller.keep_warm import KeepWarm
from vgf_robot.controller.settings import ControllerSettings
from vgf_robot.controller.start import Start

__all__ = [
    "MEDIAN",
    "Budget",
    "Ceilings",
    "Command",
    "Controller",
    "ControllerSettings",
    "Episode",
    "KeepWarm",
    "Reason",
    "Rung",
    "StageCost",
    "Start",
    "Status",
    "Timings",
    "fallback_rungs",
    "resolve",
]
