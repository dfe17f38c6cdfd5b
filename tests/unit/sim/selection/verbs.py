"""`export` and `eval` without networks and plants: bundles of the tests, and rows that a test chooses."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import yaml

from export.sealing import add_scores, seal
from tests.bundles import make_bundle
from vgf_robot.bundle import Bundle, Manifest, write_manifest

ENVIRONMENT = "Test-v0"


def make_run(folder: Path, updates: Sequence[int] = (10, 20, 30), reference_updates: int = 10, **changes) -> Path:
    """Write what a run's folder has for `select`: a configuration and checkpoints, whose content does not matter."""
    (folder / "checkpoints").mkdir(parents=True)
    for number in updates:
        (folder / "checkpoints" / f"{number:09d}.safetensors").write_text(f"networks {number}")
    content = {
        "name": "small",
        "method": "vgf",
        "seed": 3,
        "task": {"environment": ENVIRONMENT},
        "reference": {"num_updates": reference_updates},
        **changes,
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(content))
    return folder


def row(score: float, num: int, steps: int, size: float | None, episodes: int, mode: str = "sweep") -> dict:
    return {
        "mode": mode,
        "task": ENVIRONMENT,
        "num_particles": num,
        "reference_steps": 2,
        "max_steps": steps,
        "step_size": size if steps else None,
        "selection": "argmax" if num > 1 else None,
        "min_gain": None,
        "episodes": episodes,
        "success_rate": score,
        "success_low": max(0.0, score - 0.05),
        "success_high": min(1.0, score + 0.05),
        "return_mean": 0.0,
        "return_low": -1.0,
        "return_high": 1.0,
        "mean_steps": float(steps),
    }


class FakeVerbs:
    """Stands where the command line stands, and remembers what it was asked.

    Args:
        score: Success of (checkpoint's updates, N, steps, step size); the report asks with updates None.
    """

    def __init__(self, score: Callable[..., float]) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self.interrupt_at: str | None = None
        self._score = score

    def __call__(self, verb: str, argv: Sequence[str]) -> int:
        self.calls.append((verb, list(argv)))
        print(f"{verb} says something")
        options = dict(zip(argv[1::2], argv[2::2], strict=True))
        {"export": self._export, "eval": self._eval}[verb](Path(argv[0]), options)
        return 0

    def count(self, verb: str) -> int:
        return sum(name == verb for name, _ in self.calls)

    def _export(self, source: Path, options: dict[str, str]) -> None:
        out = Path(options["--out"])
        if "--cap-from" in options:
            seal(Bundle.load(source), Path(options["--cap-from"]), out)
        elif "--scores-from" in options:
            add_scores(Bundle.load(source), Path(options["--scores-from"]), out)
        else:
            _bundle_of(Path(options["--checkpoint"]), out, options)

    def _eval(self, source: Path, options: dict[str, str]) -> None:
        bundle = Bundle.load(source)
        name = bundle.manifest.provenance["checkpoint"]
        if name == self.interrupt_at:
            raise KeyboardInterrupt
        episodes, seed = int(options["--episodes"]), int(options["--seed"])
        settings = {
            "bundle": str(source),
            "bundle_sha256": bundle.sha256,
            "environment": ENVIRONMENT,
            "episodes": episodes,
            "seed": seed,
            "clock": options["--clock"],
            "operating_point": msgspec.to_builtins(bundle.manifest.operating_point),
            "interrupted": False,
        }
        updates = int(name.removesuffix(".safetensors"))
        if "--num-particles" in options:
            nums, steps = ([int(part) for part in options[f"--{key}"].split(",")] for key in ("num-particles", "steps"))
            sizes = [float(part) for part in options["--step-size"].split(",")]
            grid = dict.fromkeys((n, k, s if k else None) for n in nums for k in steps for s in sizes)
            rows = [row(self._score(updates, *way), *way, episodes) for way in grid]
            settings |= {"num_particles": nums, "steps": steps, "step_size": sizes}
            settings["selection"] = options["--selection"].split(",")
        else:
            point = bundle.manifest.operating_point
            way = (point.num_particles, point.max_steps, point.step_size)
            rows = [row(0.1, 1, 0, None, episodes, "reference"), row(0.7, *way, episodes, "tuned")]
        path = Path(options["--json"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"verb": "eval", "settings": settings, "rows": rows}))


def _bundle_of(checkpoint: Path, out: Path, options: dict[str, str]) -> None:
    nums = tuple(int(part) for part in options.get("--particles", "1,4").split(","))
    draft = make_bundle(out, num_particles=nums, max_steps=int(options.get("--max-steps", 3)))
    manifest = msgspec.json.decode((draft / "manifest.json").read_bytes(), type=Manifest)
    provenance = {
        "configuration": {"method": "vgf", "seed": 3},
        "checkpoint": checkpoint.name,
        "checkpoint_sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest(),
        "critic_updates": int(checkpoint.stem) - 10,
    }
    write_manifest(draft, msgspec.structs.replace(manifest, provenance=provenance))


def forget(folder: Path) -> None:
    """Remove a folder with all it holds."""
    shutil.rmtree(folder)
