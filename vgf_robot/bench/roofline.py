"""A tick's time beside what its matrix products alone would take on this device."""

from __future__ import annotations

from typing import Any

from vgf_robot.bench.gemm_rate import gemm_rate, memory_rate
from vgf_robot.bench.work import Product, Work, count_work
from vgf_robot.bundle import Bundle, Variant
from vgf_robot.receipts import FLOAT32


class Roofline:
    """Operations and bytes of a bundle's ticks over the rates measured here.

    The products' rate is that of the heaviest one of a step, or of a selection where no step is taken, on the same
    backend, in the same precision and on as many threads; the memory's is that of a copy.

    Args:
        bundle: The bundle.

    Raises:
        MachineError: The package `onnx` is not installed.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._rates: dict[tuple[Product, int, int, str, str], float | None] = {}
        self._works: dict[Variant, Work] = {}
        point = bundle.manifest.operating_point
        self._work(bundle.variant(point.num_particles, point.reference_steps))
        self.bytes_per_s = memory_rate()

    def facts(self, variant: Variant, backend: str, threads: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the rows of a variant with its work, and with the ratio to the roof where a rate is known.

        Args:
            variant: Which one was timed.
            backend: What ran it.
            threads: On how many threads.
            rows: From `latency_rows`.
        """
        work, rate = self._work(variant), self.rate(variant, backend, threads)
        return [{**row, **self._against(work, rate, row)} for row in rows]

    def rate(self, variant: Variant, backend: str, threads: int) -> float | None:
        """Return operations per second of the heaviest product; None where that is not measured."""
        full = self._full(variant)
        if not self._work(full).step:
            return None
        product, count = self._work(full).heaviest()
        key = (product, count, threads, backend, variant.precision)
        if key not in self._rates:
            self._rates[key] = gemm_rate(product, count, threads, backend, variant.precision)
        return self._rates[key]

    def sentence(self, variant: Variant, backend: str, threads: int) -> str:
        """Return what the products of float32 run at on a backend, and what memory gives."""
        full = self._full(variant)
        if not self._work(full).step:
            return "Its step has no products of matrices."
        product, _ = self._work(full).heaviest()
        rate, memory = self.rate(full, backend, threads), f"memory is copied at {self.bytes_per_s / 1e9:.0f} GB/s."
        if rate is None:
            return f"Products by themselves are not timed on {backend}; {memory}"
        shape = f"{product.rows} x {product.inner} x {product.columns}"
        return f"{shape} in float32 runs at {rate / 1e9:.0f} GFLOP/s here, and {memory}"

    def _full(self, variant: Variant) -> Variant:
        return self._bundle.variant(variant.num_particles, variant.reference_steps, FLOAT32)

    def _work(self, variant: Variant) -> Work:
        if variant not in self._works:
            self._works[variant] = count_work(self._bundle, variant)
        return self._works[variant]

    def _against(self, work: Work, rate: float | None, row: dict[str, Any]) -> dict[str, Any]:
        operations, num_bytes = work.operations(row["max_steps"]), work.num_bytes(row["max_steps"])
        found: dict[str, Any] = {"tick_mflop": operations / 1e6, "tick_mb": num_bytes / 1e6}
        if rate is not None:
            roof_ms = operations / rate * 1e3
            found |= {
                "gemm_gflop_per_s": rate / 1e9,
                "roof_ms": roof_ms,
                "memory_ms": num_bytes / self.bytes_per_s * 1e3,
            }
            found["times_roof"] = row["tick_ms"]["p50"] / roof_ms if roof_ms > 0.0 else None
        return found
