"""What is not in order on this machine for real-time control, and how to mend it.

To read the folder: a `finding` is what a check returns. `kernel`, `processor`, `permissions`, `jetson`, `software`,
`provider` and `renderer` each read facts and judge them, apart; `tree` is where facts of Linux lie as files, and
`examination` asks them all.
"""

from vgf_robot.doctor.examination import examine_software, examine_system
from vgf_robot.doctor.finding import Finding, Level
from vgf_robot.doctor.provider import ProviderFacts, open_provider
from vgf_robot.doctor.renderer import RendererFacts, find_renderer
from vgf_robot.doctor.software import SoftwareFacts, find_software
from vgf_robot.doctor.tree import Tree

__all__ = [
    "Finding",
    "Level",
    "ProviderFacts",
    "RendererFacts",
    "SoftwareFacts",
    "Tree",
    "examine_software",
    "examine_system",
    "find_renderer",
    "find_software",
    "open_provider",
]
