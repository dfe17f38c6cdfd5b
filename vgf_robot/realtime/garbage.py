"""Python's garbage collector, kept out of ticks."""

from __future__ import annotations

import gc

# Objects that must have come to stay before the collector looks at them; Python's own is 700 to 2000.
YOUNG_OBJECTS = 10_000


def freeze_garbage() -> None:
    """Collect once, leave all that lives now out of later collections, and make those rare.

    The collector is not switched off. A tick frees what it makes by counting references, and a served tick hardly ever
    comes to the threshold; but errors make cycles (an exception and its frames), a client can make errors as it likes,
    and a server that runs for weeks without a collector would grow by each of them. After the freeze a collection walks
    only what has come since, at most a few times the threshold.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
