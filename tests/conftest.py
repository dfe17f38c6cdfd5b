"""What holds for every test: caches are written to a folder that is gone afterwards, never to the user's."""

import os
import tempfile

_CACHES = tempfile.TemporaryDirectory(prefix="vgf-robot-tests-")
os.environ["XDG_CACHE_HOME"] = _CACHES.name  # also of the processes that tests start
