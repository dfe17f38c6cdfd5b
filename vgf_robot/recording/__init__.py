"""Recordings: every tick in MCAP files, read again, run again. Needs the extra `record`.

To read the folder: `form` puts records into JSON and back, `schema` says to other programs what is in it. The recorder
is `recorder` (from a subscriber to the disk) over `store` (files that are rotated within `limits`, and a disk that may
be full), which writes an `mcap_file` through a `growing_file`, and `before_fault` (what came just before one).
`reading` reads files, whole or cut, `timeline` stretches of them; `rerun` runs a recorded tick again, `comparison` all
of them.
"""

from vgf_robot.recording.reading import Recording
from vgf_robot.recording.rerun import Replayed, Rerun, UnrepeatableError
from vgf_robot.recording.timeline import Timeline

__all__ = ["Recording", "Replayed", "Rerun", "Timeline", "UnrepeatableError"]
