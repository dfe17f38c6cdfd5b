"""From standing by to following the policy: the first action is checked, blended in, and watched from then on.

Pure: states are explicit and the time comes with each call. A software stop is not a safety-rated stop; docs/safety.md.

To read the folder: `state` and `settings`, then `engagement` (the transitions) over `first_action` (what is checked
before anything is sent), `blend` (the way to the policy's actions) and `watch` (what is borne, and for how long).
"""

from vgf_robot.engagement.engagement import Engagement
from vgf_robot.engagement.settings import EngagementSettings
from vgf_robot.engagement.state import EngagementError, EngagementState

__all__ = ["Engagement", "EngagementError", "EngagementSettings", "EngagementState"]
