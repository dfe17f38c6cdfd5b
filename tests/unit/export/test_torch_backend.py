"""The torch backend is the run behind a bundle, and of no other bundle."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from export.bundle_writer import BundleWriter
from export.parity import check_variant
from export.sampling import Sampling
from export.settings import ExportSettings
from export.torch_backend import TorchBackend
from policies.commands import train
from policies.run_folder import RunFolder
from policies.transport import Transport
from tests.bundles import make_bundle
from tests.runs import write_config
from vgf_robot.backends import installed_backends, load_backend
from vgf_robot.bundle import Bundle
from vgf_robot.errors import BundleError

SETTINGS = ExportSettings(
    num_particles=(3,),
    samplings=(Sampling(num_steps=2),),
    max_steps=2,
    form="svgd",
    aggregation="min",
    num_parity_inputs=16,
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    folder = tmp_path_factory.mktemp("run")
    torch.set_num_threads(1)
    train.main([str(write_config(folder)), "--out", str(folder / "run")])
    return RunFolder.open(folder / "run")


@pytest.fixture(scope="module")
def bundle(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    writer = BundleWriter(run, None, SETTINGS, report=lambda _sentence: None)
    return writer.write(tmp_path_factory.mktemp("bundles") / "small")


def test_it_is_the_networks_of_the_bundle(run: RunFolder, bundle: Bundle) -> None:
    variant = bundle.variant(3, 2)
    models, _ = run.load_models(run.newest_checkpoint())
    transport = Transport(models.critic, form="svgd", optimiser="adam", alpha=0.5, aggregation="min")
    graphs = TorchBackend(run)(bundle, variant)
    checks = check_variant(graphs, models, transport, variant, run.sample()["observations"][:16], num_steps=2)
    assert all(check.passed for check in checks)


@pytest.mark.parametrize("name", installed_backends())
def test_every_backend_agrees_with_it(run: RunFolder, bundle: Bundle, name: str) -> None:
    variant = bundle.variant(3, 2)
    torch_graphs, graphs = TorchBackend(run)(bundle, variant), load_backend(name)(bundle, variant, threads=1)
    generator = np.random.default_rng(0)
    observation, noise = generator.normal(size=4).astype(np.float32), generator.normal(size=(3, 2)).astype(np.float32)
    particles = torch_graphs.reference(observation, noise)
    np.testing.assert_allclose(graphs.reference(observation, noise), particles, atol=1e-5)
    inputs = (observation, particles, particles, particles * 0, particles * 0, 0, 0.05, 0.04)
    expected, found = torch_graphs.step(*inputs), graphs.step(*inputs)
    for field in dataclasses.fields(expected):
        np.testing.assert_allclose(getattr(found, field.name), getattr(expected, field.name), atol=1e-5)
    chosen, other = (
        each.select(observation, particles, np.zeros(3, np.float32), 1.0) for each in (torch_graphs, graphs)
    )
    assert chosen.index == other.index
    np.testing.assert_allclose(other.action, chosen.action, atol=1e-5)


def test_a_bundle_of_another_run_is_refused(run: RunFolder, tmp_path: Path) -> None:
    stranger = Bundle.load(make_bundle(tmp_path / "stranger"))
    with pytest.raises(BundleError, match="give the run that it came from"):
        TorchBackend(run)(stranger, stranger.variant(4, 2))
