"""What one number stands for on axes whose samples are farther apart: sizes that follow the spacing.

A number of samples is one of the finest axis. Where samples are r times as far apart it stands for fewer. Tuples stay
as they are given.
"""

import math
from collections.abc import Sequence
from typing import Any

from ..._spacing import Spacing
from ...kernels import per_axis


def kernel_sizes(value: Any, dim: int, spacing: Spacing) -> tuple[int, ...]:
    """The sizes of a kernel: on coarser axes the smallest odd number of samples that reach as far from the centre."""
    sizes = per_axis("kernel_size", value, dim, 1)
    if spacing is None or isinstance(value, Sequence):
        return sizes
    # six decimals of the spacing leave that much of a whole number
    reach = [math.ceil((size - 1) / 2 / step - 1e-4) for size, step in zip(sizes, spacing, strict=True)]
    return tuple(size if step == 1 else 2 * r + 1 for size, step, r in zip(sizes, spacing, reach, strict=True))


def steps(name: str, value: Any, dim: int, spacing: Spacing, least: int = 1) -> tuple[int, ...]:
    """A stride, a dilation or the edge of a pooling window: on coarser axes what is nearest in length."""
    found = per_axis(name, value, dim, least)
    if spacing is None or isinstance(value, Sequence):
        return found
    return tuple(max(least, math.floor(n / step + 0.5)) for n, step in zip(found, spacing, strict=True))


def borders(value: Any, spans: tuple[int, ...], spacing: Spacing) -> tuple[int, ...]:
    """Padding: on coarser axes what leaves the windows as far from the border, to half a sample.

    Args:
        value: the argument.
        spans: samples between the first and the last of a window along each axis.
        spacing: of the samples.
    """
    found = per_axis("padding", value, len(spans), 0)
    if spacing is None or isinstance(value, Sequence):
        return found
    finest = max(axis for axis, step in enumerate(spacing) if step == 1)
    lost = spans[finest] / 2 - found[finest]  # of the border, in samples of the finest axis
    return tuple(
        size if step == 1 else max(0, math.floor(span / 2 - lost / step + 0.5))
        for size, span, step in zip(found, spans, spacing, strict=True)
    )
