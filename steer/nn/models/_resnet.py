"""Residual networks whose symmetry may shrink with depth."""

import math
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch

from ..._values import as_tuple, is_count, is_integer, require_count, require_flag
from ...errors import GroupError, ShapeError, SteerError
from ...reps import Group
from .._act._invariant import GroupPool
from .._act._pointwise import ReLU
from .._chain._chain import Restrict, Sequential
from .._engine._module import Module
from .._fields._types import FieldType
from .._linear._linear import Linear
from .._norm._batch_norm import BatchNorm
from .._space._global_pool import GlobalAvgPool
from ._arguments import require, require_type
from ._blocks import conv, residual_block
from ._features import Conv, Features, features_for
from ._lifting import stem
from ._scales import Scale, coarser, scales_of


class ResNet(Sequential):
    """A residual network that classifies images or volumes, with a group for each stage (He et al. 2016).

    A stem convolution, stages of residual blocks, each after the first on half the pixels, and a head: invariant
    features, their mean over space, and a linear map. A stage may have a smaller group than the one before: large
    structures need not look alike in all orientations where small ones do (Weiler, Cesa 2019, section 4.3)::

        group = steer.group("D8", dim=2)
        image = nn.FieldType(group, 3 * [group.trivial])
        net = nn.models.ResNet(image, 10, groups=("D8", "D4", "D1"))
        print(nn.models.summary(net))

    Exactly equivariant under symmetries of the grid if space is divisible by 2 to the number of stages less one, and
    with `any_size` always. Thick slices, of which the first stages halve only the plane, and voxels that are no cubes::

        net = nn.models.ResNet(scan, 2, kernel_size=[(1, 3, 3), 3, 3], strides=[(1, 2, 2), 2])
        net = nn.models.ResNet(scan, 2, spacing=(3.0, 1.0, 1.0))  # the same strides, by itself

    Blocks start as their shortcuts, so that a network begins linear up to its head. An input of which no linear map
    makes an invariant (pseudoscalars, or vectors that a group turns while space stays) passes normalisation and a
    nonlinearity in regular, or band-limited, fields right after the stem.

    Args:
        in_type: type of the images or volumes, e.g. three trivial fields; its group is that of the stem.
        num_classes: number of scores.
        channels: channels of the plain twin, one number for each stage.
        blocks: residual blocks in each stage, one number or one for each.
        groups: the group of each stage, a group or its name: a subgroup of the one before. All that of `in_type` when
            None.
        features: "regular", "irreps", "fourier" or a `Features`; for None regular fields of finite groups, irreps of
            continuous ones, and "fourier" where a continuous group turns fields of the input but not space.
        width: "parameters" or "channels": what is equal, up to rounding, to the plain twin's in every stage.
        kernel_size: edge of the kernels, odd: one number, a tuple of one for each axis ([z,] y, x), or a list of these
            for each stage. So (5, 3, 3) is for axes, and [5, 3, 3] for three stages.
        basis: basis of the kernels; see `nn.Conv2d`.
        dropout: probability of a field to be dropped in the blocks.
        strides: how many times coarser the grid of a stage is than that before: one number, a tuple of one for each
            axis, or a list of these for each step between stages. They must be equal on axes that the group mixes.
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. A number for a
            size or stride follows it, as in `nn.Conv3d`: at 3 : 1 : 1 a stride of 2 is (1, 2, 2), after which samples
            are 3 : 2 : 2 apart, and so on: each stage has kernels for the spacing of its grid.
        any_size: take maps of any size, and be exact for all: a stride s makes ceil(n / s) of n samples, which lie
            symmetrically. When False floor(n / s), for maps of which something is left.
        checkpoint: compute each block again in the backward pass, in place of keeping what is inside of it
            (`torch.utils.checkpoint`): less memory in training, for a third more time. Under `torch.compile`, which
            decides that itself, it does nothing.

    Shape:
        (batch, in_type.size, *space) -> (batch, num_classes).

    Raises:
        SteerError: numbers that do not fit one another, unknown features or width.
        KernelError: kernel sizes or strides that differ between axes which the group mixes.
        GroupError: a stage's group is no subgroup of that before.
        ShapeError: at run time, maps that are too small for the strides.
    """

    def __init__(
        self,
        in_type: FieldType,
        num_classes: int,
        *,
        channels: Sequence[int] = (16, 32, 64),
        blocks: int | Sequence[int] = 2,
        groups: Sequence[Group | str] | None = None,
        features: str | Features | None = None,
        width: str = "parameters",
        kernel_size: int | Sequence[int | Sequence[int]] = 3,
        basis: str = "rings",
        dropout: float = 0.0,
        strides: int | Sequence[int | Sequence[int]] = 2,
        spacing: Sequence[float] | float | None = None,
        any_size: bool = False,
        checkpoint: bool = False,
    ) -> None:
        require_type(type(self).__name__, in_type=in_type)
        require("channels", channels, num_classes=num_classes, width=width)
        counts = _counts(blocks, len(channels))
        checkpoint = require_flag("checkpoint", checkpoint, SteerError)
        schedule = _schedule(in_type.group, groups, len(channels))
        scales = scales_of(schedule, kernel_size, strides, spacing)
        self.options = {
            "channels": tuple(channels),
            "blocks": tuple(counts),
            "width": width,
            "kernel_size": [scale.kernel_size for scale in scales],
            "dropout": dropout,
            "strides": [scale.stride for scale in scales[1:]],
            "any_size": require_flag("any_size", any_size, SteerError),
        }
        self.num_classes = num_classes
        parts: OrderedDict[str, Module] = OrderedDict()
        current = in_type
        for index, (group, scale) in enumerate(zip(schedule, scales, strict=True)):
            made: list[Module] = []
            if group != current.group:
                made.append(Restrict(current, group))
                current = current.restrict(group)
            chosen = features_for(group, features, current)
            before = channels[index - 1] if index else in_type.size
            convs = _convs(scale, counts[index], current, before, not index)
            stage = chosen.of(group, chosen.count(group, channels[index], width, convs, basis))
            if not index:
                last = features_for(schedule[-1], features, current.restrict(schedule[-1])).of(schedule[-1], 1)
                made += stem(current, stage, last, chosen, scale, basis, channels[0])
                current = stage
            else:
                made.append(coarser(current, scale, any_size))
            options: dict[str, Any] = {"features": chosen, "basis": basis, "dropout": dropout, "checkpoint": checkpoint}
            made += _blocks(current, stage, counts[index], scale, **options)
            current = stage
            parts[f"stage{index + 1}"] = Sequential(*made)
        parts["head"] = _head(current, num_classes, channels[-1], chosen, basis)
        super().__init__(parts)

    def _check(self, x: torch.Tensor) -> None:
        self.in_type.check(x)
        self._require_space(x)
        strides: list[tuple[int, ...]] = self.options["strides"]  # type: ignore[assignment]
        least = tuple(map(math.prod, zip(*strides, strict=True))) if strides else (1,) * (x.dim() - 2)
        if not self.options["any_size"] and any(n < fewest for n, fewest in zip(x.shape[2:], least, strict=True)):
            kept = [
                tuple(1 if n < m else s for s, n, m in zip(step, x.shape[2:], least, strict=True)) for step in strides
            ]
            raise ShapeError(
                f"x: {type(self).__name__} needs maps of at least {' x '.join(map(str, least))} for its strides "
                f"{strides}, got {' x '.join(map(str, x.shape[2:]))}; pass any_size=True, fewer stages (channels=), or "
                f"smaller strides, such as strides={kept}"
            )

    def twin(self) -> "ResNet":
        """The plain network: the same without symmetry, with the channels of the argument `channels`.

        Returns:
            A `ResNet` of the trivial group.
        """
        return ResNet(plain(self.in_type), self.num_classes, basis="pixel", **self.options)  # type: ignore[arg-type]


def wide_resnet(in_type: FieldType, num_classes: int, depth: int = 16, widen: int = 8, **options: object) -> ResNet:
    """The Wide ResNet: stages of 16, 32 and 64 times `widen` channels, depth 6 n + 4 (Zagoruyko, Komodakis 2016).

    Args:
        in_type: type of the images or volumes.
        num_classes: number of scores.
        depth: convolutions of the plain network, 6 n + 4 for n blocks in each stage.
        widen: factor of the channels.
        **options: of `ResNet`, such as `groups` and `width`.

    Returns:
        The network, (batch, in_type.size, *space) -> (batch, num_classes).

    Raises:
        SteerError: another depth; otherwise as `ResNet`.
    """
    if not is_count(depth, 10) or (depth - 4) % 6:
        raise SteerError(f"depth: expected 6 n + 4, such as 10, 16, 22 or 28, got {depth!r}")
    require_count("widen", widen, SteerError, 1)
    channels = (16 * widen, 32 * widen, 64 * widen)
    return ResNet(in_type, num_classes, channels=channels, blocks=(depth - 4) // 6, **options)  # type: ignore[arg-type]


def plain(in_type: FieldType) -> FieldType:
    """The same channels without symmetry."""
    trivial = in_type.group.trivial_subgroup
    return FieldType(trivial, in_type.size * [trivial.trivial])


def _convs(scale: Scale, blocks: int, source: FieldType, channels: int, first: bool) -> list[Conv]:
    """The convolutions to the features of a stage: first and second ones of blocks, and those from the stage before."""
    grid = scale.kernel_size, scale.spacing
    convs = [Conv(*grid, blocks - (not first), True), Conv(*grid, blocks, False)]
    convs.append(Conv(*grid, 1, not first, source, channels))
    if not first:
        convs.append(Conv(len(scale.kernel_size) * (1,), scale.spacing, 1, False, source, channels))
    return convs


def _counts(blocks: object, stages: int) -> list[int]:
    """Blocks of each stage."""
    counts = [blocks] * stages if is_integer(blocks) else list(as_tuple("blocks", blocks, SteerError, "numbers"))
    if len(counts) != stages or not all(is_count(count, 1) for count in counts):
        raise SteerError(f"blocks: expected one number >= 1, or one for each of {stages} stages, got {blocks!r}")
    return counts


def _blocks(in_type: FieldType, out_type: FieldType, count: int, scale: Scale, **options: Any) -> list[Module]:
    """The blocks of a stage, of which the first changes the type."""
    sources = [in_type, *(count - 1) * [out_type]]
    grid = {"kernel_size": scale.kernel_size, "spacing": scale.spacing}
    return [residual_block(source, out_type, **grid, **options) for source in sources]  # type: ignore[arg-type]


def _schedule(first: Group, groups: Sequence[Group | str] | None, stages: int) -> list[Group]:
    if groups is None:
        return stages * [first]
    if isinstance(groups, str) or not isinstance(groups, Sequence) or len(groups) != stages:
        raise SteerError(f"groups: expected one group for each of {stages} stages, got {groups!r}")
    found: list[Group] = []
    for index, value in enumerate(groups):
        before = found[-1] if found else first
        group = before.subgroup(value) if isinstance(value, str) else value
        if not isinstance(group, Group) or not group <= before:
            raise GroupError(f"groups[{index}]: {group!r} is not a subgroup of {before!r}, the group before it")
        found.append(group)
    return found


def _head(current: FieldType, num_classes: int, channels: int, features: Features, basis: str) -> Sequential:
    parts: OrderedDict[str, Module] = OrderedDict(norm=BatchNorm(current))
    group = current.group
    if all(rep.is_permutation for rep in current.kinds):
        parts["act"] = features.act(current)
        parts["invariant"] = GroupPool(current)
        scalars = FieldType(group, len(current) * [group.trivial])
    else:
        scalars = FieldType(group, channels * [group.trivial])
        parts["invariant"] = conv(current, scalars, 1, basis)
        parts["norm2"] = BatchNorm(scalars)
        parts["act"] = ReLU(scalars)
    parts["mean"] = GlobalAvgPool(scalars)
    parts["scores"] = Linear(scalars, FieldType(group, num_classes * [group.trivial]))
    return Sequential(parts)
