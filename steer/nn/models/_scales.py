"""The grids of the stages of a model: their kernels, steps from one to the next, and how far samples are apart."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..._spacing import Spacing, along_axes, as_spacing
from ..._values import is_count, is_integer
from ...errors import SteerError
from ...kernels import require_symmetric
from ...reps import Group
from .._engine._spaced import steps
from .._fields._types import FieldType
from .._space._blur_pool import BlurPool
from ._arguments import odd_sizes


class Scale(NamedTuple):
    """The grid of a stage. All is for each axis ([z,] y, x).

    Args:
        kernel_size: of the convolutions on it.
        stride: from the grid of the stage before to this one, ones for the first.
        spacing: distances of its samples, in units of the smallest; None where they are equal.
        before: those of the grid of the stage before.
    """

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    spacing: Spacing
    before: Spacing


def scales_of(groups: Sequence[Group], kernel_size: object, strides: object, spacing: object) -> tuple[Scale, ...]:
    """The grid of each stage, of a group each.

    Args:
        groups: of the stages.
        kernel_size: one odd number, one for each axis, or a list with one of these for each stage.
        strides: one number, one for each axis, or a list with one of these for each step from a stage to the next.
        spacing: of the first grid; None if sizes and strides are to follow none, on no grid.

    Returns:
        One for each group.

    Raises:
        SteerError: none of these, or another number of them.
        KernelError: what differs between axes that a group mixes.
    """
    dim = groups[0].dim
    apart = as_spacing(spacing, dim)
    sizes = _for_each("kernel_size", kernel_size, len(groups), dim, "stage")
    factors = [1, *_for_each("strides", strides, len(groups) - 1, dim, "step between stages")]
    found = []
    for group, size, factor in zip(groups, sizes, factors, strict=True):
        step = steps("strides", factor, dim, apart)
        require_symmetric(group, spacing=apart, strides=step)
        # without a spacing voxels are as they are, and numbers stand for samples
        before, apart = apart, None if spacing is None else along_axes(apart, step)
        edges = odd_sizes(size, dim, apart)
        require_symmetric(group, spacing=apart, kernel_size=edges)
        found.append(Scale(edges, step, apart, before))
    return tuple(found)


def coarser(in_type: FieldType, scale: Scale, any_size: bool) -> BlurPool:
    """The pool that leads to the grid of a stage: a round Gaussian of half the longest step, on the axes that it takes.

    Args:
        in_type: of the features.
        scale: of the stage.
        any_size: whether a size n becomes ceil(n / stride), else floor(n / stride).

    Returns:
        The layer.
    """
    lengths = scale.before or len(scale.stride) * (1.0,)
    sigma = (
        max((step * length for step, length in zip(scale.stride, lengths, strict=True) if step > 1), default=1.0) / 2
    )
    # as many more than the stride at both ends
    edges = [
        1 if step == 1 else step + 2 * max(0, round((4 * sigma / length - step) / 2))
        for step, length in zip(scale.stride, lengths, strict=True)
    ]
    padding = tuple((edge - step) // 2 for edge, step in zip(edges, scale.stride, strict=True))
    around = "same" if any_size else padding
    return BlurPool(in_type, edges, scale.stride, sigma=sigma, padding=around, spacing=scale.before)


def _for_each(name: str, value: Any, count: int, dim: int, what: str) -> list[Any]:
    """`count` arguments, a number or one for each axis, from one for all or a list of them.

    Numbers in a list are for stages if there are so many of them, in a tuple for axes.
    """
    each = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else None
    numbers = each is not None and bool(each) and all(map(is_integer, each))
    for_stages = each is not None and len(each) == count and (not numbers or isinstance(value, list))
    if each is not None and for_stages:
        return list(each)
    if is_count(value, 1) or (numbers and each is not None and len(each) == dim):
        return count * [value]
    integer = "an odd integer >= 1" if name == "kernel_size" else "an integer >= 1"
    raise SteerError(
        f"{name}: expected {integer}, a tuple of {dim} ([z,] y, x), or a list with one of these for each {what}, "
        f"{count} in all, got {value!r}"
    )
