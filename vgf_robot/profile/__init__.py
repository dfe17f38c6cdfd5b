"""Device profiles: how long a bundle's stages take on a device, and the setting that was found for it there."""

from vgf_robot.profile.lowering import at_working_point, lowered, point_of
from vgf_robot.profile.profile import PROFILE_VERSION, DeviceProfile, StageSamples, WorkingPoint
from vgf_robot.profile.profile_file import load_profile, save_profile

__all__ = [
    "PROFILE_VERSION",
    "DeviceProfile",
    "StageSamples",
    "WorkingPoint",
    "at_working_point",
    "load_profile",
    "lowered",
    "point_of",
    "save_profile",
]
