"""A server that is asked for real time says what is in force; a core needs no permission."""

import os
import sys
from pathlib import Path

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import expect_service, serving

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(sys.platform != "linux", reason="cores are chosen on Linux only"),
]


def test_a_server_on_a_chosen_core_says_so_and_serves(tmp_path):
    core = min(os.sched_getaffinity(0))
    with serving(make_bundle(tmp_path / "bundle"), "--cores", str(core)) as served:
        said = served.process.stdout.readline()
        assert said == f"real time: ordinary priority, cores {core}, memory not locked, garbage frozen\n"
        threads = [int(path.name) for path in Path(f"/proc/{served.process.pid}/task").iterdir()]
        assert {frozenset(os.sched_getaffinity(thread)) for thread in threads} == {frozenset({core})}
        expect_service(served.endpoint)
