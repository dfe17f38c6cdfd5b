"""On a Ray cluster a suite has the rows that it has in this process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sim.suite import cluster_worker
from sim.suite.cells import keys_of
from sim.suite.cluster import Cluster
from sim.suite.cluster_worker import Load, Worker
from sim.suite.parquet_file import read_parquet
from sim.suite.run import EPISODES, run_suite
from sim.suite.work import SuiteWork
from tests.unit.sim.suite.suites import Goal, make_suite, run
from vgf_robot.bundle import Bundle
from vgf_robot.errors import ConfigError, MachineError

ROOT = Path(__file__).parents[4]
# A process of its own: Ray leaves threads and files behind, about which pytest would be right to complain.
ON_RAY = """
import sys
from pathlib import Path
from sim.suite.cluster import Cluster
from sim.suite.run import run_suite
from tests.unit.sim.suite.suites import Goal, make_suite

if __name__ == "__main__":
    folder, cluster = Path(sys.argv[1]), Cluster(address="local", num_workers=2)
    run_suite(make_suite(folder), folder / "ray", cluster=cluster, open_plant=Goal, knows_success=lambda _: True)
"""


@pytest.mark.realtime
def test_two_workers_of_a_cluster_bring_the_rows_of_one_process(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    alone = run(make_suite(tmp_path), tmp_path / "alone")
    script = tmp_path / "on_ray.py"
    script.write_text(ON_RAY)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180)
    assert ended.returncode == 0, ended.stderr
    assert read_parquet(tmp_path / "ray" / EPISODES) == alone
    assert (tmp_path / "ray" / EPISODES).read_bytes() == (tmp_path / "alone" / EPISODES).read_bytes()


@pytest.fixture
def load(tmp_path: Path) -> Load:
    suite = make_suite(tmp_path)
    work = SuiteWork.of(suite, {"tiny": Bundle.load(tmp_path / "bundle")}, Goal)
    return Load.of(work, [tmp_path / "device.json"])


def complaint(load: Load, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.setattr(cluster_worker, "_fetched", lambda shared: shared[0])
    with closing(Worker()) as worker:
        return worker.complaint([load])


def test_a_node_like_this_one_has_nothing_to_complain_of(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    assert complaint(load, monkeypatch) is None


def test_a_node_with_other_packages_code_or_files_is_refused(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = replace(load, versions={**load.versions, "mujoco": "9.9"})
    assert "expected mujoco 9.9 as here; install the same" in str(complaint(other, monkeypatch))
    elsewhere = replace(load, node="another", versions={**load.versions, "code": "0123"})
    assert "expected code 0123 as here" in str(complaint(elsewhere, monkeypatch))
    (tmp_path / "device.json").write_text("{}")
    assert "has no file" in str(complaint(load, monkeypatch))


def test_bundles_travel_by_their_content(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_worker, "_fetched", lambda shared: shared[0])
    for file in (tmp_path / "bundle").iterdir():
        file.unlink()
    with closing(Worker()) as worker:
        failure, row = worker.run([load], keys_of(load.work.suite)[0])
    assert failure is None
    assert row is not None
    assert row["budget"] == "none"


def test_a_clock_of_this_machine_stays_here(tmp_path: Path) -> None:
    suite = make_suite(tmp_path, clock="real-time", profile=None)
    with pytest.raises(ConfigError, match="measures the machine it runs on"):
        run_suite(suite, tmp_path / "out", cluster=Cluster(address="auto"), open_plant=Goal)
    assert not (tmp_path / "out").exists()


def test_where_nobody_listens_one_sentence_says_so_at_once(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and not listening
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(
            MachineError, match=rf"no Ray cluster at '{address}' \(Connection refused\); start"
        ) as caught:
            run_suite(
                make_suite(tmp_path),
                tmp_path / "out",
                cluster=Cluster(address=address),
                open_plant=Goal,
                knows_success=lambda _: True,
            )
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_without_ray_one_sentence_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MachineError, match=r"run `pip install -e '\.\[sim,ray\]'`"):
        run_suite(
            make_suite(tmp_path),
            tmp_path / "out",
            cluster=Cluster(address="local"),
            open_plant=Goal,
            knows_success=lambda _: True,
        )
    assert not (tmp_path / "out").exists()
