"""The parts of models: convolution with normalisation and nonlinearity, and residual blocks."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch

from ..._spacing import Spacing, as_spacing
from ..._values import require_flag
from ...errors import SteerError
from .._chain._branch import Residual
from .._chain._chain import Sequential
from .._engine._arguments import require_probability
from .._engine._module import Module
from .._fields._types import FieldType
from .._linear._conv import Conv, Conv1d, Conv2d, Conv3d
from .._norm._batch_norm import BatchNorm
from .._norm._dropout import Dropout
from .._space._pool import Size
from ._arguments import odd_sizes, require_type
from ._features import Features, features_for


def conv(
    in_type: FieldType,
    out_type: FieldType,
    kernel_size: Size,
    basis: str,
    spacing: Spacing = None,
    unreached: str = "warn",
) -> Conv:
    """A convolution without bias that keeps the size of space; for odd kernels.

    Raises:
        SteerError: an even kernel; otherwise as the layer.
    """
    sizes = odd_sizes(kernel_size, in_type.group.dim, spacing)
    padding = tuple(size // 2 for size in sizes)
    kinds: Mapping[int, type[Conv]] = {1: Conv1d, 2: Conv2d, 3: Conv3d}
    options = {"bias": False, "spacing": spacing, "basis": basis, "unreached": unreached}
    return kinds[in_type.group.dim](in_type, out_type, sizes, padding=padding, **options)  # type: ignore[arg-type]


def conv_block(
    in_type: FieldType,
    out_type: FieldType,
    kernel_size: Size = 3,
    *,
    features: str | Features | None = None,
    basis: str = "rings",
    spacing: Sequence[float] | float | None = None,
    checkpoint: bool = False,
    unreached: str = "warn",
) -> Sequential:
    """Convolution, batch normalisation and nonlinearity: "conv", "norm" and "act" of a `Sequential`.

    A block after such a block keeps the second moment of features at initialisation.

    Args:
        in_type: type of the input.
        out_type: type of the output, of the same group.
        kernel_size: edge of the kernel, odd, one number or one for each axis ([z,] y, x).
        features: "regular", "irreps", "fourier" or a `Features`, which says what nonlinearity; for None by the group.
        basis: basis of the kernels; see `nn.Conv2d`.
        spacing: distances of neighbouring samples ([z,] y, x); see `nn.Conv3d`.
        checkpoint: compute the block again in the backward pass, in place of keeping what is inside of it.
        unreached: "warn", "error" or "ignore": of output fields that no kernel leads to; see `nn.Conv2d`.

    Returns:
        The block, (batch, in_type.size, *space) -> (batch, out_type.size, *space).

    Raises:
        SteerError: as the layers; unknown features.
    """
    require_type("conv_block", in_type=in_type, out_type=out_type)
    apart = as_spacing(spacing, in_type.group.dim)
    act = features_for(in_type.group, features).act(out_type)
    block = Sequential(
        OrderedDict(
            conv=conv(in_type, act.in_type, kernel_size, basis, apart, unreached),
            norm=BatchNorm(act.in_type),
            act=act,
        )
    )
    block.checkpoint = require_flag("checkpoint", checkpoint, SteerError)
    return block


def residual_block(
    in_type: FieldType,
    out_type: FieldType,
    kernel_size: Size = 3,
    *,
    features: str | Features | None = None,
    basis: str = "rings",
    dropout: float = 0.0,
    spacing: Sequence[float] | float | None = None,
    checkpoint: bool = False,
) -> Residual:
    """A residual block with normalisation first: y = body(x) + shortcut(x) (He et al. 2016, Identity mappings).

    The body is norm, act, conv, norm, act, dropout, conv; a nonlinearity that takes more channels than it returns, as a
    `Gate`, stands only between the convolutions. The shortcut is the identity, or a 1x1 convolution where the types
    differ. The last convolution starts at zero, so that at initialisation the block is its shortcut (Goyal et al. 2017)
    and a deep chain of blocks keeps the second moment of features.

    Args:
        in_type: type of the input.
        out_type: type of the output, of the same group.
        kernel_size: edge of the kernels, odd, one number or one for each axis ([z,] y, x).
        features: as for `conv_block`.
        basis: basis of the kernels.
        dropout: probability of a field to be dropped between the convolutions.
        spacing: distances of neighbouring samples ([z,] y, x); see `nn.Conv3d`.
        checkpoint: compute the block again in the backward pass, in place of keeping what is inside of it.

    Returns:
        The block, (batch, in_type.size, *space) -> (batch, out_type.size, *space).

    Raises:
        SteerError: as `conv_block`.
    """
    require_type("residual_block", in_type=in_type, out_type=out_type)
    apart = as_spacing(spacing, in_type.group.dim)
    chosen = features_for(in_type.group, features)
    inner = chosen.act(out_type)
    parts: OrderedDict[str, Module] = OrderedDict(norm1=BatchNorm(in_type))
    if chosen.act(in_type).in_type == in_type:
        parts["act1"] = chosen.act(in_type)
    parts["conv1"] = conv(in_type, inner.in_type, kernel_size, basis, apart)
    parts["norm2"] = BatchNorm(inner.in_type)
    parts["act2"] = inner
    if require_probability("dropout", dropout):
        parts["dropout"] = Dropout(out_type, dropout)
    last = conv(out_type, out_type, kernel_size, basis, apart)
    torch.nn.init.zeros_(last.weight)
    parts["conv2"] = last
    block = Residual(Sequential(parts), None if in_type == out_type else conv(in_type, out_type, 1, basis, apart))
    block.checkpoint = require_flag("checkpoint", checkpoint, SteerError)
    return block
