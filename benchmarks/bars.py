"""The figures that steer must reach."""

from typing import Final, NamedTuple


class Bar(NamedTuple):
    """At most `limit`; with `times_faster`, the peer's figure must be at least `limit` times as large."""

    limit: float
    times_faster: bool = False

    def __str__(self) -> str:
        return f"{self.limit:g}x faster" if self.times_faster else f"<= {self.limit:,g}"

    def missed(self, value: float, peer: float | None = None) -> bool | None:
        """Whether a figure misses the bar, at the digits that the bar is stated in; None when the peer is needed."""
        if not self.times_faster:
            digits = max(2, len(f"{self.limit:g}".partition(".")[2]))
            return round(value, digits) > self.limit
        return None if peer is None else peer / value < self.limit


def _layer(faster: float, step: float, build: float | None = None, peak: float | None = None) -> dict[str, Bar]:
    bars = {
        "expand_backward_ms": Bar(faster, times_faster=True),
        "step_over_plain": Bar(step),
        "eval_over_plain": Bar(1.0),
        "memory_over_plain": Bar(1.2),
    }
    bars |= {"build_cold_s": Bar(build)} if build else {}
    return bars | ({"peak_mb": Bar(peak)} if peak else {})


def _network(step: float, evaluation: float) -> dict[str, Bar]:
    return {
        "step_over_plain": Bar(step),
        "eval_over_plain": Bar(evaluation),
        "graph_breaks": Bar(0),
        "memory_over_plain": Bar(1.2),
    }


BARS: Final[dict[str, dict[str, Bar]]] = {
    "C8_regular": _layer(2, 1.03),
    "C16_regular": _layer(2, 1.05),
    "D8_regular": _layer(3, 1.03, build=0.2),
    "SO2_irreps": _layer(2, 1.05),
    "O2_irreps": _layer(2, 1.05, build=0.1),
    "SO3_irreps": _layer(2, 1.03),
    "O3_irreps": _layer(4, 1.03),
    "O_regular": _layer(10, 1.10, build=0.2),
    "I_regular": _layer(100, 1.3, build=0.5, peak=800),
    "C8_network": _network(1.05, 1.00),
    "SO3_network": _network(1.30, 1.05),
    "wide_resnet": {"build_cold_s": Bar(2), "build_warm_s": Bar(1)},
    "import": {"import_s": Bar(0.25)},
}
