"""Residual networks whose symmetry may shrink with depth."""

from collections import OrderedDict
from collections.abc import Sequence

from ..._values import as_tuple, is_count, is_integer, require_count
from ...errors import GroupError, SteerError
from ...reps import Group
from .._act._invariant import GroupPool
from .._act._pointwise import ReLU
from .._chain._chain import Restrict, Sequential
from .._engine._module import Module
from .._fields._types import FieldType
from .._linear._linear import Linear
from .._norm._batch_norm import BatchNorm
from .._space._blur_pool import BlurPool
from .._space._global_pool import GlobalAvgPool
from ._arguments import require, require_type
from ._blocks import conv, residual_block
from ._features import Conv, Features, features_for


class ResNet(Sequential):
    """A residual network that classifies images or volumes, with a group for each stage (He et al. 2016).

    A stem convolution, stages of residual blocks, each after the first on half the pixels, and a head: invariant
    features, their mean over space, and a linear map. A stage may have a smaller group than the one before: large
    structures need not look alike in all orientations where small ones do (Weiler, Cesa 2019, section 4.3)::

        group = steer.group("D8", dim=2)
        image = nn.FieldType(group, 3 * [group.trivial])
        net = nn.models.ResNet(image, 10, groups=("D8", "D4", "D1"))
        print(nn.models.summary(net))

    Exactly equivariant under symmetries of the grid if space is divisible by 2 to the number of stages less one.

    Args:
        in_type: type of the images or volumes, e.g. three trivial fields; its group is that of the stem.
        num_classes: number of scores.
        channels: channels of the plain twin, one number for each stage.
        blocks: residual blocks in each stage, one number or one for each.
        groups: the group of each stage, a group or its name: a subgroup of the one before. All that of `in_type` when
            None.
        features: "regular", "irreps", "fourier" or a `Features`; for None regular fields of finite groups, irreps of
            continuous ones.
        width: "parameters" or "channels": what is equal, up to rounding, to the plain twin's in every stage.
        kernel_size: edge of the kernels, odd.
        basis: basis of the kernels; see `nn.Conv2d`.
        dropout: probability of a field to be dropped in the blocks.

    Shape:
        (batch, in_type.size, *space) -> (batch, num_classes).

    Raises:
        SteerError: numbers that do not fit one another, unknown features or width.
        GroupError: a stage's group is no subgroup of that before.
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
        kernel_size: int = 3,
        basis: str = "rings",
        dropout: float = 0.0,
    ) -> None:
        require_type(type(self).__name__, in_type=in_type)
        require("channels", channels, num_classes=num_classes, kernel_size=kernel_size, width=width)
        counts = (
            [blocks] * len(channels) if is_integer(blocks) else list(as_tuple("blocks", blocks, SteerError, "numbers"))
        )
        if len(counts) != len(channels) or not all(is_count(count, 1) for count in counts):
            raise SteerError(
                f"blocks: expected one number >= 1, or one for each of {len(channels)} stages, got {blocks!r}"
            )
        self.options = {
            "channels": tuple(channels),
            "blocks": tuple(counts),
            "width": width,
            "kernel_size": kernel_size,
            "dropout": dropout,
        }
        self.num_classes = num_classes
        parts: OrderedDict[str, Module] = OrderedDict()
        current = in_type
        for index, group in enumerate(_schedule(in_type.group, groups, len(channels))):
            chosen = features_for(group, features)
            made: list[Module] = []
            if group != current.group:
                made.append(Restrict(current, group))
                current = current.restrict(group)
            before = channels[index - 1] if index else in_type.size
            # first and second convolutions of blocks, and those from the stage before
            convs = [Conv(kernel_size, counts[index] - (index > 0), True), Conv(kernel_size, counts[index], False)]
            convs.append(Conv(kernel_size, 1, index > 0, current, before))
            if index:
                convs.append(Conv(1, 1, False, current, before))
            stage = chosen.of(group, chosen.count(group, channels[index], width, convs, basis))
            if not index:
                made.append(conv(current, stage, kernel_size, basis))
                current = stage
            else:
                made.append(BlurPool(current, 4, 2, sigma=1.0, padding=1))
            for _ in range(counts[index]):
                made.append(residual_block(current, stage, kernel_size, features=chosen, basis=basis, dropout=dropout))
                current = stage
            parts[f"stage{index + 1}"] = Sequential(*made)
        parts["head"] = _head(current, num_classes, channels[-1], chosen, basis)
        super().__init__(parts)

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
