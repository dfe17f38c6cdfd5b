"""Real time on Linux for the process that runs the controller: priority, cores, locked memory, no collector.

To read the folder: `settings` is what a user may ask for and `enter` puts it in force; `memory`, `scheduling` and
`garbage` each do one part through a `System`, which is `this_system` but in tests; `context` does ZeroMQ's threads.
"""

from vgf_robot.realtime.context import schedule_io_threads
from vgf_robot.realtime.core_list import core_list_text, parse_core_list
from vgf_robot.realtime.enter import enter
from vgf_robot.realtime.garbage import freeze_garbage
from vgf_robot.realtime.memory import HOW_TO_LOCK, bytes_to_lock
from vgf_robot.realtime.scheduling import how_to_get_priority, io_priority
from vgf_robot.realtime.settings import MAX_PRIORITY, RealTimeSettings
from vgf_robot.realtime.system import Capability, MemoryLimit, System
from vgf_robot.realtime.this_system import effective_capabilities

__all__ = [
    "HOW_TO_LOCK",
    "MAX_PRIORITY",
    "Capability",
    "MemoryLimit",
    "RealTimeSettings",
    "System",
    "bytes_to_lock",
    "core_list_text",
    "effective_capabilities",
    "enter",
    "freeze_garbage",
    "how_to_get_priority",
    "io_priority",
    "parse_core_list",
    "schedule_io_threads",
]
