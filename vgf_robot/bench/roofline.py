"""A tick's time beside what its matrix products alone would take on this device."""

from __future__ import annotations

from typing import Any

from vgf_robot.bench.gemm_rate import gemm_rate
from vgf_robot.bench.work import Product, Work, count_work
from vgf_robot.bundle import Bundle, Variant


class Roofline:
    """Operations and bytes of a bundle's ticks, and the rate that was measured for its heaviest product.

    The rate is that of float32 on ONNX Runtime, for every backend and precision: a ratio below one says that a
    precision or a backend is faster than it.

    Args:
        bundle: The bundle.
        full: Its variant in float32, whose heaviest product is measured.
        threads: Threads within one product.

    Raises:
        MachineError: The package `onnx` is not installed.
    """

    def __init__(self, bundle: Bundle, full: Variant, threads: int) -> None:
        self._bundle = bundle
        work = count_work(bundle, full)
        self.product: Product | None = None
        self.rate: float | None = None
        if work.step:
            self.product, count = work.heaviest()
            self.rate = gemm_rate(self.product, count, threads)

    def facts(self, variant: Variant, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows of a variant with its work, and with the ratio to the roof where a rate is known.

        Args:
            variant: Which one was timed.
            rows: From `latency_rows`.
        """
        work = count_work(self._bundle, variant)
        return [{**row, **self._against(work, row)} for row in rows]

    def _against(self, work: Work, row: dict[str, Any]) -> dict[str, Any]:
        operations, num_bytes = work.operations(row["max_steps"]), work.num_bytes(row["max_steps"])
        found: dict[str, Any] = {"tick_mflop": operations / 1e6, "tick_mb": num_bytes / 1e6}
        if self.rate is not None:
            roof_ms = operations / self.rate * 1e3
            found["roof_ms"] = roof_ms
            found["times_roof"] = row["tick_ms"]["p50"] / roof_ms if roof_ms > 0.0 else None
        return found
