"""Gymnasium's remark about the spaces of OGBench's environments, left out."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def quiet_spaces() -> Generator[None]:
    """Leave out Gymnasium's remark that an action range was written in float64; the range is exact in float32.

    OGBench builds the action space anew at each look and at each reset, so the remark would come again and again.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*Box (low|high)'s precision lowered by casting to float32")
        yield
