"""OGBench's own downloads, through its own package."""

from __future__ import annotations

import socket
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.collect.names import DatasetName, Split
from vgf_robot.errors import DatasetError, MachineError

_SILENCE_S = 30.0


def download_official(name: DatasetName, folder: Path) -> None:
    """Download the two files of a dataset; a file that is there is kept.

    Args:
        name: The dataset.
        folder: Where the files go; made where it is missing.

    Raises:
        DatasetError: The server has no such dataset.
        MachineError: The server cannot be reached, or falls silent.
    """
    from ogbench.utils import DATASET_URL, download_datasets

    try:
        with _finite_patience():
            download_datasets([str(name)], str(folder))
    except urllib.error.HTTPError as error:
        error.close()
        raise DatasetError(f"{error.url} answers {error.code}, expected the dataset '{name}'.") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise MachineError(
            f"{DATASET_URL} cannot be reached ({error}), expected a network; collect '{name}' with the oracles "
            "(leave out --official), or copy the two files here."
        ) from error
    finally:
        for split in Split:
            (folder / f"{name.file(split)}.tmp").unlink(missing_ok=True)


@contextmanager
def _finite_patience() -> Iterator[None]:
    """Give up on a silent server; OGBench's download sets no limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SILENCE_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
