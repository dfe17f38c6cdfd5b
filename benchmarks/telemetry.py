"""What telemetry and a recorder cost a tick, and whether a loop of 500 Hz loses a record.

Two servers of the same bundle, one that tells every tick to a recorder and one that does not, are asked by turns; each
pair of answers gives one ratio. Targets: the median tick grows by at most 3 %; at 500 Hz no record is lost.

Example:
    python benchmarks/telemetry.py --json out/bench/telemetry.json
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro

from tests.bundles import make_bundle
from vgf_robot import Answer, Client, results
from vgf_robot.recording import Recording

COLUMNS = ("mode", "requests", "tick_ms", "round_trip_ms")
RATIO_COLUMNS = ("mode", "tick_ratio", "tick_ratio_low", "tick_ratio_high", "round_trip_ratio")
LOSS_COLUMNS = ("mode", "rate_hz", "answered", "recorded", "dropped", "unwritten", "megabytes")
LARGEST_RATIO = 1.03
VERB = "import sys; from vgf_robot.verbs import main; sys.exit(main(sys.argv[1:]))"
PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the command line says."""

    bundle: str = "cube-single-play"
    """Beside a tiny one, whose ticks are as short as ticks get: a folder, or the name of a shipped one."""
    requests: int = 2000
    """Pairs of requests per bundle, after the warm-up."""
    warm_up: int = 200
    """Pairs that are not counted."""
    period_ms: float = 20.0
    """From one pair to the next."""
    rate_hz: float = 500.0
    """Of the loop that must not lose a record."""
    seconds: float = 30.0
    """Of that loop."""
    json: Path | None = None
    """Write the rows there."""


def main() -> int:
    options = tyro.cli(Options, description=__doc__)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tiny = str(make_bundle(folder / "tiny"))
        subjects = {"tiny": tiny, options.bundle: options.bundle}
        compared = [
            _compare(name, bundle, folder / f"pairs-{n}", options) for n, (name, bundle) in enumerate(subjects.items())
        ]
        fast = str(make_bundle(folder / "fast", control_period_s=1 / options.rate_hz))
        loss = _loss(fast, folder / "fast-recordings", options)
    rows = [row for pair, _ in compared for row in pair]
    ratios = [ratio for _, ratio in compared]
    results.print_table("ticks, p50 / p99", rows, COLUMNS)
    results.print_table(
        "telemetry and recorder on / off, median of paired ratios, 95 % interval", ratios, RATIO_COLUMNS
    )
    results.print_table("at full rate", [loss], LOSS_COLUMNS)
    for ratio in ratios:
        kept = "kept" if ratio["tick_ratio"] <= LARGEST_RATIO else "missed"
        print(f"{ratio['mode']}: median tick at most {LARGEST_RATIO} of that without: {kept}")
    print(f"no record lost: {'kept' if loss['recorded'] == loss['answered'] else 'missed'}")
    if options.json is not None:
        results.write_json(options.json, "benchmarks/telemetry", asdict(options), [*rows, *ratios, loss])
    return 0


def _compare(name: str, bundle: str, folder: Path, options: Options) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return a row per server, and one of the ratios between them."""
    generator = np.random.default_rng(0)
    pairs: list[tuple[Answer, Answer]] = []
    with ExitStack() as stack:
        plain = stack.enter_context(_served(bundle))
        telling = stack.enter_context(_served(bundle, "--telemetry", f"ipc://{folder}.sock"))
        stack.enter_context(_recorded(f"ipc://{folder}.sock", folder))
        clients = [stack.enter_context(Client(each, timeout_s=5.0)) for each in (plain, telling)]
        low, high = _range(clients[0])
        for client in clients:
            client.begin_episode(seed=0)
        began_s = time.monotonic()
        for turn in range(options.warm_up + options.requests):
            _sleep_until(began_s + turn * options.period_ms / 1e3)
            observation = generator.uniform(low, high)
            # Whoever is second finds warmer caches, so they take turns at that.
            order = (0, 1) if turn % 2 else (1, 0)
            answers = {each: clients[each].act(observation, deadline_s=1.0) for each in order}
            pairs.append((answers[0], answers[1]))
    pairs = pairs[options.warm_up :]
    rows = [_row(f"{name}, {word}", [pair[each] for pair in pairs]) for each, word in enumerate(("without", "with"))]
    return rows, _ratio(name, pairs)


def _row(mode: str, answers: list[Answer]) -> dict[str, Any]:
    return {
        "mode": mode,
        "requests": len(answers),
        "tick_ms": results.latency_summary([answer.command.timings.tick_ns / 1e6 for answer in answers]),
        "round_trip_ms": results.latency_summary([answer.round_trip_ns / 1e6 for answer in answers]),
    }


def _ratio(mode: str, pairs: list[tuple[Answer, Answer]]) -> dict[str, Any]:
    ticks = np.array([on.command.timings.tick_ns / off.command.timings.tick_ns for off, on in pairs])
    generator = np.random.default_rng(0)
    medians = np.median(generator.choice(ticks, (1000, len(ticks))), axis=1)
    low, high = np.quantile(medians, [0.025, 0.975])
    return {
        "mode": mode,
        "tick_ratio": float(np.median(ticks)),
        "tick_ratio_low": float(low),
        "tick_ratio_high": float(high),
        "round_trip_ratio": float(np.median([on.round_trip_ns / off.round_trip_ns for off, on in pairs])),
    }


def _loss(bundle: str, folder: Path, options: Options) -> dict[str, Any]:
    """Ask at the full rate, and count what is in the files."""
    summary = folder.with_suffix(".json")
    generator = np.random.default_rng(0)
    endpoint = f"ipc://{folder}.sock"
    with (
        _served(bundle, "--telemetry", endpoint) as served,
        _recorded(endpoint, folder, "--json", str(summary)),
        Client(served, timeout_s=5.0) as client,
    ):
        low, high = _range(client)
        client.begin_episode(seed=0)
        while not _ticks(folder, seed=0):  # a subscriber hears what is told once it is known
            client.act((low + high) / 2, deadline_s=1.0)
            time.sleep(0.1)
        client.begin_episode(seed=1)
        answered, began_s = 0, time.monotonic()
        for turn in range(round(options.seconds * options.rate_hz)):
            _sleep_until(began_s + turn / options.rate_hz)
            client.act(generator.uniform(low, high), deadline_s=1.0)
            answered += 1
        rate_hz = answered / (time.monotonic() - began_s)
    (row,) = json.loads(summary.read_text())["rows"]
    return {
        "mode": "tiny",
        "rate_hz": rate_hz,
        "answered": answered,
        "recorded": _ticks(folder, seed=1),
        "dropped": row["dropped"],
        "unwritten": row["unwritten"],
        "megabytes": sum(path.stat().st_size for path in folder.iterdir()) / 1e6,
    }


def _ticks(folder: Path, seed: int) -> int:
    if not any(folder.glob("recording-*.mcap")):
        return 0
    return sum(tick.seed == seed for tick in Recording([folder]).ticks())


def _range(client: Client) -> tuple[np.ndarray, np.ndarray]:
    fields = client.welcome.observation
    return np.concatenate([field.low for field in fields]), np.concatenate([field.high for field in fields])


def _sleep_until(moment_s: float) -> None:
    time.sleep(max(0.0, moment_s - time.monotonic()))


@contextmanager
def _served(bundle: str, *options: str) -> Iterator[str]:
    with _printing("serve", bundle, "--bind", "tcp://127.0.0.1:*", *options) as line:
        yield line.split()[-1]


@contextmanager
def _recorded(endpoint: str, folder: Path, *options: str) -> Iterator[str]:
    with _printing("record", endpoint, "--out", str(folder), *options) as line:
        yield line


@contextmanager
def _printing(*arguments: str) -> Iterator[str]:
    """Run a verb, yield the first line it prints, and end it in its own time."""
    command = [sys.executable, "-c", VERB, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=PATIENCE_S)


if __name__ == "__main__":
    sys.exit(main())
