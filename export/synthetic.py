"""The weightless graphs that `vgf-robot bench --synthetic` fills: structure and layout, no numbers.

Example:
    python -m export.synthetic
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import tyro
from torch import nn

from export.graphs import ReferenceGraph, SelectGraph, StepGraph, example_inputs
from export.onnx_files import SMALL_BYTES, SharedWeights, to_onnx
from policies.critic import Critic
from policies.reference import FlowReference
from policies.scaling import ActionScaling
from policies.transport import Transport
from vgf_robot.backends import signatures
from vgf_robot.bench import SYNTHETIC, Layout, WeightTensor, write_layout
from vgf_robot.bundle import OperatingPoint, Variant
from vgf_robot.bundle import Transport as TransportRecord
from vgf_robot.errors import ExportError

WEIGHTS = "weights.bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The size of a synthetic bundle; the defaults are the paper's.

    Attributes:
        observation_size: O.
        action_size: A.
        hidden_sizes: Of the velocity field and of each critic.
        ensemble_size: E, number of critics.
        num_particles: N.
        reference_steps: K.
        max_steps: The cap.
    """

    observation_size: int = 28
    action_size: int = 5
    hidden_sizes: tuple[int, ...] = (512, 512, 512, 512)
    ensemble_size: int = 2
    num_particles: int = 10
    reference_steps: int = 10
    max_steps: int = 5


class SyntheticNetworks(nn.Module):
    """The networks of a scale; large parameters are all different, so that no two share a place in the file."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        sizes = (scale.observation_size, scale.action_size, scale.hidden_sizes)
        self.reference = FlowReference(*sizes)
        self.critic = Critic(*sizes, ensemble_size=scale.ensemble_size)
        # Behind a property, as a module of its own would list the critic's parameters twice.
        self._transport = (Transport(self.critic, form="svgd", optimiser="adam", alpha=0.5, aggregation="mean"),)
        for _, parameter in _large_parameters(self):
            nn.init.normal_(parameter)

    @property
    def transport(self) -> Transport:
        """The flow on the critic: what the paper ran, svgd with Adam."""
        return self._transport[0]

    def graphs(self, scale: Scale) -> dict[str, nn.Module]:
        """Return the modules of the three graphs; actions are in [-1, 1] on both sides."""
        limit = torch.ones(scale.action_size)
        return {
            "reference": ReferenceGraph(self.reference, scale.reference_steps),
            "step": StepGraph(self.transport),
            "select": SelectGraph(self.critic, self.transport.aggregation, ActionScaling(-limit, limit)),
        }


def write_graphs(folder: Path, scale: Scale, kind: type[SyntheticNetworks] = SyntheticNetworks) -> Layout:
    """Write the graphs and their layout, without the weights file that they refer to.

    Args:
        folder: Made if missing; files of the same names are replaced.
        scale: The networks' size.
        kind: Which networks.

    Raises:
        ExportError: A graph refers to a large tensor that is no parameter, so that the layout would not cover it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = (scale.num_particles, scale.observation_size, scale.action_size)
    variant = _variant(scale)
    weights = SharedWeights(folder / WEIGHTS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        networks = kind(scale)
        expected = signatures(*sizes, step_values=networks.transport.step_values)
        for name, module in networks.graphs(scale).items():
            model = to_onnx(name, module, example_inputs(name, *sizes), expected[name])
            # What made a file is said here, once; the robot's side names no training library.
            model.producer_name = model.producer_version = ""
            weights.save(model, folder / getattr(variant, name))
    weights.write()
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).unlink()
    layout = _layout(scale, variant, networks, _tensors(networks, content))
    write_layout(folder, layout)
    return layout


def _large_parameters(networks: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that do not stay inside the graphs; the others, all biases, stay zero."""
    return [(name, p) for name, p in networks.named_parameters() if p.numel() * p.element_size() >= SMALL_BYTES]


def _tensors(networks: nn.Module, content: bytes) -> tuple[WeightTensor, ...]:
    found = sorted(
        (
            _tensor(name, parameter, content.find(parameter.detach().numpy().tobytes()))
            for name, parameter in _large_parameters(networks)
        ),
        key=lambda tensor: tensor.offset,
    )
    end = 0
    for tensor in found:
        if tensor.offset != end + -end % 64:
            raise ExportError(f"Expected only parameters in {WEIGHTS}, found other numbers before '{tensor.name}'.")
        end = tensor.offset + tensor.num_bytes
    if end != len(content):
        raise ExportError(f"Expected {end} bytes of parameters in {WEIGHTS}, found {len(content)}.")
    return tuple(found)


def _tensor(name: str, parameter: nn.Parameter, offset: int) -> WeightTensor:
    shape = tuple(parameter.shape)
    if len(shape) == 2:
        return WeightTensor(
            name=name, shape=shape, offset=offset, initial="xavier_uniform", fan_in=shape[1], fan_out=shape[0]
        )
    # One axis: a bias, or the weight of a normalisation.
    return WeightTensor(name=name, shape=shape, offset=offset, initial="zeros" if name.endswith("bias") else "ones")


def _variant(scale: Scale) -> Variant:
    num, steps = scale.num_particles, scale.reference_steps
    return Variant(
        num_particles=num,
        reference_steps=steps,
        precision="float32",
        reference=f"reference-n{num}-k{steps}.onnx",
        step=f"step-n{num}.onnx",
        select=f"select-n{num}.onnx",
    )


def _layout(scale: Scale, variant: Variant, networks: SyntheticNetworks, tensors: tuple[WeightTensor, ...]) -> Layout:
    flow = networks.transport
    return Layout(
        observation_size=scale.observation_size,
        action_size=scale.action_size,
        transport=TransportRecord(
            form=flow.form,
            optimiser=flow.optimiser,
            alpha=flow.alpha,
            aggregation=flow.aggregation,
            step_values=flow.step_values,
        ),
        operating_point=OperatingPoint(
            num_particles=scale.num_particles,
            reference_steps=scale.reference_steps,
            max_steps=scale.max_steps,
            step_size=0.05,
        ),
        variant=variant,
        weights=WEIGHTS,
        tensors=tensors,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of `python -m export.synthetic`."""

    out: Path = SYNTHETIC
    """Where the graphs and layout.json go."""


def main(argv: Sequence[str] | None = None) -> int:
    """Write the shipped graphs anew; returns the exit code."""
    options = tyro.cli(Options, args=argv, prog="python -m export.synthetic", description=__doc__)
    layout = write_graphs(options.out, Scale())
    print(f"{options.out}: {len(layout.tensors)} tensors, {layout.num_bytes / 1e6:.1f} MB when filled")
    return 0


if __name__ == "__main__":
    sys.exit(main())
