"""What really runs the graphs: asked of a session, since what is listed as available may not load."""

from __future__ import annotations

from dataclasses import dataclass

from vgf_robot.bundle import Bundle
from vgf_robot.doctor.finding import Finding, advice, fault, ok
from vgf_robot.doctor.software import SoftwareFacts
from vgf_robot.errors import BundleError

CPU = "CPUExecutionProvider"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFacts:
    """What a session of a bundle's graph answered.

    Attributes:
        bundle: Its name.
        used: The execution providers of the session, the preferred one first.
        failure: Why there is no session; None where there is one.
    """

    bundle: str
    used: tuple[str, ...] = ()
    failure: str | None = None


def open_provider(bundle: Bundle) -> ProviderFacts:
    """Open the smallest graph of the bundle's operating point, as `serve` does."""
    manifest = bundle.manifest
    point = manifest.operating_point
    variant = bundle.variant(point.num_particles, point.reference_steps)
    try:
        # Here, since without the package that it needs there is still everything else to be said.
        from vgf_robot.backends import open_session, variant_signatures

        shapes = variant_signatures(manifest, variant)
        session = open_session(bundle.folder / variant.select, shapes["select"], threads=1)
    except (ImportError, AttributeError, BundleError) as error:
        # AttributeError is what is left of the package when one of two builds was removed.
        return ProviderFacts(bundle=manifest.name, failure=str(error))
    return ProviderFacts(bundle=manifest.name, used=tuple(session.get_providers()))


def check_provider(facts: ProviderFacts, software: SoftwareFacts) -> Finding:
    """Judge whether graphs run, and on the device that was paid for."""
    check, shown = "execution provider", ", ".join(facts.used)
    if facts.failure is not None:
        cure = "`pip install --force-reinstall onnxruntime`, or another version of it"
        return fault(check, f"{facts.bundle} does not load: {facts.failure.rstrip('.')}", cure)
    if facts.used[:1] == (CPU,) and software.has_gpu_runtime:
        build = next(name for name in software.runtimes if name != "onnxruntime")
        return advice(
            check,
            f"{shown} for {facts.bundle}, although {build} is installed",
            "choose a backend for that device with `vgf-robot serve --backend`, or install onnxruntime in its place",
        )
    return ok(check, f"{shown} for {facts.bundle}")
