"""U-Nets: fields in, fields out, at every pixel."""

from collections import OrderedDict
from collections.abc import Sequence

import torch

from ...errors import ShapeError, SteerError
from .._chain._branch import Branch, Identity
from .._chain._chain import Sequential
from .._engine._module import Module
from .._fields._types import FieldType, require_map
from .._space._blur_pool import BlurPool
from .._space._upsample import Upsample
from ._arguments import require, require_type
from ._blocks import conv, conv_block
from ._features import Conv, Features, features_for
from ._resnet import plain


class UNet(Sequential):
    """A U-Net, from fields to fields at every pixel through coarser grids (Ronneberger et al. 2015).

    Each stage is two convolution blocks; the next stage, on half the pixels, is a branch of it, whose output is resized
    back, concatenated and merged by two more blocks. Any `out_type` of the group may be asked for: trivial fields are
    class scores (segmentation), ``[G.vector]`` is a vector at every pixel::

        net = nn.models.UNet(image, nn.FieldType(G, [G.vector]), channels=(16, 32, 64))

    Exactly equivariant under symmetries of the grid if space is divisible by 2 to the number of stages less one, which
    it must be.

    Args:
        in_type: type of the input.
        out_type: type of the output, of the same group.
        channels: channels of the plain twin, one number for each stage.
        features: "regular", "irreps", "fourier" or a `Features`; for None by the group.
        width: "parameters" or "channels": what is equal, up to rounding, to the plain twin's in every stage.
        kernel_size: edge of the kernels, odd.
        basis: basis of the kernels; see `nn.Conv2d`.

    Shape:
        (batch, in_type.size, *space) -> (batch, out_type.size, *space).

    Raises:
        FieldTypeError: the types are of two groups.
        SteerError: unknown features or width, or numbers out of range.
        ShapeError: at run time, sides that are not so divisible.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("D4", dim=2)
        >>> image, vector = nn.FieldType(G, [G.trivial]), nn.FieldType(G, [G.vector])
        >>> nn.models.UNet(image, vector, channels=(8, 16))(torch.randn(1, 1, 16, 16)).shape
        torch.Size([1, 2, 16, 16])
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        *,
        channels: Sequence[int] = (16, 32, 64),
        features: str | Features | None = None,
        width: str = "parameters",
        kernel_size: int = 3,
        basis: str = "rings",
    ) -> None:
        require_type(type(self).__name__, in_type=in_type, out_type=out_type)
        require("channels", channels, kernel_size=kernel_size, width=width)
        require_map(type(self).__name__, in_type, out_type)
        chosen = features_for(in_type.group, features)
        self.options = {"channels": tuple(channels), "width": width, "kernel_size": kernel_size}
        group, convs = in_type.group, [Conv(kernel_size, 1, True)]
        types = [chosen.of(group, chosen.count(group, each, width, convs, basis)) for each in channels]
        body = unet_stage(in_type, types, kernel_size, features=chosen, basis=basis)
        super().__init__(OrderedDict(body=body, head=conv(types[0], out_type, 1, basis)))

    def _check(self, x: torch.Tensor) -> None:
        self._check_space(x)
        halvings = len(self.options["channels"]) - 1  # type: ignore[arg-type]
        multiple, sides = 2**halvings, tuple(x.shape[2:])
        if any(side % multiple for side in sides):
            fitting = tuple(side + -side % multiple for side in sides)
            raise ShapeError(
                f"x: {type(self).__name__} halves the grid {halvings} times, so sides must be divisible by {multiple}, "
                f"got {sides}; pad to {fitting} and crop the output"
            )

    def twin(self) -> "UNet":
        """The plain network: the same without symmetry, with the channels of the argument `channels`.

        Returns:
            A `UNet` of the trivial group.
        """
        return UNet(plain(self.in_type), plain(self.out_type), basis="pixel", **self.options)  # type: ignore[arg-type]


def unet_stage(
    in_type: FieldType,
    types: Sequence[FieldType],
    kernel_size: int = 3,
    *,
    features: str | Features | None = None,
    basis: str = "rings",
) -> Sequential:
    """A stage of a U-Net and, as its branch, the stages on coarser grids.

    Two convolution blocks "encode1" and "encode2"; with more than one type also "branch", which concatenates their
    output with that of the next stage on half the pixels, resized back, and "decode1" and "decode2", which merge the
    two.

    Args:
        in_type: type of the input.
        types: that of the features of each stage, the finest first; of one group.
        kernel_size: edge of the kernels, odd.
        features: as for `conv_block`.
        basis: basis of the kernels.

    Returns:
        The stage, (batch, in_type.size, *space) -> (batch, types[0].size, *space).

    Raises:
        SteerError: no type; otherwise as `conv_block`.
    """
    if not isinstance(types, Sequence) or not types:
        raise SteerError(f"types: expected the type of each stage, such as [fine, coarse], got {types!r}")

    def block(source: FieldType, target: FieldType) -> Sequential:
        return conv_block(source, target, kernel_size, features=features, basis=basis)

    own = types[0]
    parts: OrderedDict[str, Module] = OrderedDict(encode1=block(in_type, own), encode2=block(own, own))
    if len(types) > 1:
        deeper = OrderedDict(
            down=BlurPool(own, 4, 2, sigma=1.0, padding=1),
            stage=unet_stage(own, types[1:], kernel_size, features=features, basis=basis),
            up=Upsample(types[1], scale_factor=2, mode="linear"),
        )
        parts["branch"] = Branch(Identity(own), Sequential(deeper))
        parts["decode1"] = block(own + types[1], own)
        parts["decode2"] = block(own, own)
    return Sequential(parts)
