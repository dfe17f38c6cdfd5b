"""All checks, in the order in which they are shown."""

from __future__ import annotations

from vgf_robot.doctor.finding import Finding, advice
from vgf_robot.doctor.jetson import Run, check_clocks, check_power_mode, read_jetson, run_command
from vgf_robot.doctor.kernel import check_clock, check_isolation, check_preemption, check_throttling, read_kernel
from vgf_robot.doctor.permissions import check_fifo, check_memlock, read_permissions
from vgf_robot.doctor.processor import check_cores, check_governor, check_load, check_swap, read_processor
from vgf_robot.doctor.provider import ProviderFacts, check_provider
from vgf_robot.doctor.renderer import RendererFacts, check_renderer
from vgf_robot.doctor.software import SoftwareFacts, check_python, check_runtimes
from vgf_robot.doctor.tree import Tree


def examine_system(tree: Tree, run: Run = run_command) -> list[Finding]:
    """Examine processor, kernel and permissions.

    Args:
        tree: Where Linux says what it is like.
        run: Runs a command that a Jetson has, and returns what it printed.
    """
    if tree.text("proc/self/status") is None:
        cure = "run the controller on Linux for real time; everything else goes on"
        return [advice("system", "no Linux: priority, cores and locked memory cannot be set", cure)]
    kernel, processor, permissions = read_kernel(tree), read_processor(tree), read_permissions(tree)
    jetson = read_jetson(tree, run)
    board = [] if jetson is None else [check_power_mode(jetson), check_clocks(processor)]
    return [
        check_cores(processor),
        check_load(processor),
        check_governor(processor),
        *board,
        check_swap(processor),
        check_preemption(kernel),
        check_throttling(kernel),
        check_isolation(kernel),
        check_clock(kernel),
        check_fifo(permissions),
        check_memlock(permissions),
    ]


def examine_software(software: SoftwareFacts, provider: ProviderFacts, renderer: RendererFacts) -> list[Finding]:
    """Examine Python, the packages that run the graphs, and what simulation draws with."""
    return [
        check_python(software),
        check_runtimes(software),
        check_provider(provider, software),
        check_renderer(renderer),
    ]
