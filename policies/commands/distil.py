"""`vgf-robot distil`: the flow of a trained run as a network of one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import torch
import tyro
from rich.progress import track

from policies import datasets
from policies.config import TrainConfig
from policies.distillation import Distillation
from policies.reference import Agreement, FlowReference, OneStepActor, agreement
from policies.run_folder import RunFolder
from policies.student_file import write_student
from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.results import write_json
from vgf_robot.verbs import parse

EXAMPLE = "vgf-robot distil runs/hopper-replay"
NUM_STATES, NUM_PARTICLES = 512, 10  # of the comparison at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `distil`."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """Folder of a run whose reference policy is a trained flow."""
    updates: int = 40_000
    """Gradient updates, each of the run's batch size."""
    checkpoint: Path | None = None
    """The checkpoint with the flow; the run's newest where not given."""
    data: str | None = None
    """Dataset file, instead of the configuration's `data.path`."""
    seed: int = 0
    """Of weights, batches and noise."""
    device: str | None = None
    """cpu or cuda, instead of the configuration's."""
    threads: int | None = None
    """CPU threads, instead of the configuration's."""
    json: Path | None = None
    """Write how far its particles are from the flow's to this file."""


def main(argv: Sequence[str]) -> int:
    """Distil and return the exit code."""
    options = parse(Options, argv, "distil", EXAMPLE)
    run = RunFolder.open(options.run)
    config = _resolve(run.config(), options)
    flow = _flow(run, options.checkpoint, config)
    torch.set_num_threads(config.num_threads)
    observations = datasets.load(config).observations.to(config.device)
    work = Distillation(config, flow, observations, num_updates=options.updates, seed=options.seed)
    losses = [float(loss) for loss in track(work.updates(), "distilling", options.updates)]
    found = _compare(flow, work.student, run, config)
    steps = config.reference.num_steps
    facts = {"updates": options.updates, "seed": options.seed, "num_steps": steps}
    path = write_student(run, work.student, flow, {name: str(value) for name, value in facts.items()})
    print(
        f"{path}: {found.median:.3f} from the particles of {steps} Euler steps (median; 99 % within {found.p99:.3f}), "
        f"where two particles of one state are {found.apart:.3f} apart; next: vgf-robot export {run.path} "
        f"--reference-steps {steps},one-step --out BUNDLE"
    )
    if options.json:
        write_json(options.json, "distil", {"run": str(run.path), **facts}, [{**asdict(found), "loss": losses[-1]}])
    return 0


def _flow(run: RunFolder, path: Path | None, config: TrainConfig) -> FlowReference:
    models, _ = run.load_models(path or run.newest_checkpoint())
    flow = models.reference.eval().requires_grad_(False).to(config.device)
    if not isinstance(flow, FlowReference):
        raise ConfigError(f"{run.path}: expected a flow to distil, found a {config.reference.kind}, with no steps.")
    return flow


def _resolve(config: TrainConfig, options: Options) -> TrainConfig:
    if options.updates < 1:
        raise ConfigError(f"--updates: expected 1 or more, found {options.updates}.")
    if config.method == "fql":
        raise ConfigError("A run of fql draws by an actor of one pass already; there is nothing to distil.")
    device = config.device if options.device is None else options.device
    threads = config.num_threads if options.threads is None else options.threads
    if device not in ("cpu", "cuda") or threads < 1:
        raise ConfigError(f"expected --device cpu or cuda and one thread or more, found {device} and {threads}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise MachineError("device: expected a CUDA device, torch finds none here; distil with `--device cpu`.")
    data = msgspec.structs.replace(config.data, path=options.data or config.data.path)
    return msgspec.structs.replace(config, data=data, device=device, num_threads=threads)


@torch.no_grad()
def _compare(flow: FlowReference, student: OneStepActor, run: RunFolder, config: TrainConfig) -> Agreement:
    """Return how far both are apart on states of the dataset, with noise that neither has seen."""
    observations = run.sample()["observations"][:NUM_STATES].to(config.device)
    noise = torch.randn(
        len(observations), NUM_PARTICLES, config.action_size, generator=torch.Generator().manual_seed(1)
    )
    noise = noise.to(config.device)
    return agreement(student(observations, noise, 1), flow(observations, noise, config.reference.num_steps))
