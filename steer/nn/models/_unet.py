"""U-Nets: fields in, fields out, at every pixel."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch

from ..._values import require_flag
from ...errors import SteerError
from .._chain._branch import Branch, Identity
from .._chain._chain import Sequential
from .._engine._module import Module
from .._fields._types import FieldType, require_map
from .._space._upsample import Upsample
from ._arguments import require, require_type
from ._blocks import conv, conv_block
from ._features import Conv, Features, features_for
from ._resnet import plain
from ._scales import Scale, coarser, scales_of


class UNet(Sequential):
    """A U-Net, from fields to fields at every pixel through coarser grids (Ronneberger et al. 2015).

    Each stage is two convolution blocks; the next stage, on half the pixels, is a branch of it, whose output is resized
    back, concatenated and merged by two more blocks. Any `out_type` of the group may be asked for: trivial fields are
    class scores (segmentation), ``[G.vector]`` is a vector at every pixel::

        net = nn.models.UNet(image, nn.FieldType(G, [G.vector]), channels=(16, 32, 64))

    Space may be of any size: a step of stride s makes ceil(n / s) of n samples, which lie symmetrically about the
    centre, and is resized back to n. So the network is exactly equivariant under symmetries of the grid for all sizes.
    For thick slices and voxels that are no cubes see `ResNet`.

    Args:
        in_type: type of the input.
        out_type: type of the output, of the same group.
        channels: channels of the plain twin, one number for each stage.
        features: "regular", "irreps", "fourier" or a `Features`; for None as of `ResNet`.
        width: "parameters" or "channels": what is equal, up to rounding, to the plain twin's in every stage.
        kernel_size: edge of the kernels, odd: one number, a tuple of one for each axis ([z,] y, x), or a list of these
            for each stage, the finest first.
        basis: basis of the kernels; see `nn.Conv2d`.
        strides: how many times coarser the grid of a stage is than that before: one number, a tuple of one for each
            axis, or a list of these for each step between stages. They must be equal on axes that the group mixes.
        spacing: distances of neighbouring samples of the input ([z,] y, x); None where they are equal. A number for a
            size or stride follows it from stage to stage, as in `ResNet`.
        checkpoint: compute each block again in the backward pass, in place of keeping what is inside of it; see
            `ResNet`.

    Shape:
        (batch, in_type.size, *space) -> (batch, out_type.size, *space).

    Raises:
        FieldTypeError: the types are of two groups.
        SteerError: unknown features or width, or numbers out of range.
        KernelError: kernel sizes or strides that differ between axes which the group mixes.
        ShapeError: at run time, a tensor of another number of axes.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("D4", dim=2)
        >>> image, vector = nn.FieldType(G, [G.trivial]), nn.FieldType(G, [G.vector])
        >>> nn.models.UNet(image, vector, channels=(8, 16))(torch.randn(1, 1, 17, 30)).shape
        torch.Size([1, 2, 17, 30])
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        *,
        channels: Sequence[int] = (16, 32, 64),
        features: str | Features | None = None,
        width: str = "parameters",
        kernel_size: int | Sequence[int | Sequence[int]] = 3,
        basis: str = "rings",
        strides: int | Sequence[int | Sequence[int]] = 2,
        spacing: Sequence[float] | float | None = None,
        checkpoint: bool = False,
    ) -> None:
        require_type(type(self).__name__, in_type=in_type, out_type=out_type)
        require("channels", channels, width=width)
        require_map(type(self).__name__, in_type, out_type)
        checkpoint = require_flag("checkpoint", checkpoint, SteerError)
        chosen = features_for(in_type.group, features, in_type)
        group = in_type.group
        scales = scales_of(len(channels) * [group], kernel_size, strides, spacing)
        self.options = {
            "channels": tuple(channels),
            "width": width,
            "kernel_size": [scale.kernel_size for scale in scales],
            "strides": [scale.stride for scale in scales[1:]],
        }
        types = []
        for count, scale in zip(channels, scales, strict=True):
            convs = [Conv(scale.kernel_size, scale.spacing, 1, True)]
            types.append(chosen.of(group, chosen.count(group, count, width, convs, basis)))
        body = _stage(in_type, types, scales, features=chosen, basis=basis, checkpoint=checkpoint)
        head = conv(types[0], out_type, 1, basis, scales[0].spacing)
        super().__init__(OrderedDict(body=body, head=head))

    def _check(self, x: torch.Tensor) -> None:
        self.in_type.check(x)
        self._require_space(x)

    def twin(self) -> "UNet":
        """The plain network: the same without symmetry, with the channels of the argument `channels`.

        Returns:
            A `UNet` of the trivial group.
        """
        return UNet(plain(self.in_type), plain(self.out_type), basis="pixel", **self.options)  # type: ignore[arg-type]


def unet_stage(
    in_type: FieldType,
    types: Sequence[FieldType],
    kernel_size: int | Sequence[int | Sequence[int]] = 3,
    *,
    features: str | Features | None = None,
    basis: str = "rings",
    strides: int | Sequence[int | Sequence[int]] = 2,
    spacing: Sequence[float] | float | None = None,
    checkpoint: bool = False,
) -> Sequential:
    """A stage of a U-Net and, as its branch, the stages on coarser grids.

    Two convolution blocks "encode1" and "encode2"; with more than one type also "branch", which concatenates their
    output with that of the next stage on a coarser grid, resized back, and "decode1" and "decode2", which merge the
    two.

    Args:
        in_type: type of the input.
        types: that of the features of each stage, the finest first; of one group.
        kernel_size: edge of the kernels, as of `UNet`.
        features: as for `conv_block`.
        basis: basis of the kernels.
        strides: from each stage to the next, as of `UNet`.
        spacing: distances of neighbouring samples of the first stage ([z,] y, x).
        checkpoint: compute each block again in the backward pass.

    Returns:
        The stage, (batch, in_type.size, *space) -> (batch, types[0].size, *space).

    Raises:
        SteerError: no type; otherwise as `conv_block`.
    """
    if not isinstance(types, Sequence) or not types:
        raise SteerError(f"types: expected the type of each stage, such as [fine, coarse], got {types!r}")

    require_type("unet_stage", in_type=in_type, **{f"types[{index}]": kind for index, kind in enumerate(types)})
    checkpoint = require_flag("checkpoint", checkpoint, SteerError)
    scales = scales_of([kind.group for kind in types], kernel_size, strides, spacing)
    return _stage(in_type, types, scales, features=features, basis=basis, checkpoint=checkpoint)


def _stage(in_type: FieldType, types: Sequence[FieldType], scales: Sequence[Scale], **options: Any) -> Sequential:
    """`unet_stage` on grids; `options` are those of blocks."""
    own, grid = types[0], scales[0]

    def block(source: FieldType, target: FieldType, unreached: str = "warn") -> Sequential:
        return conv_block(source, target, grid.kernel_size, spacing=grid.spacing, unreached=unreached, **options)

    # fields that the first block does not reach, as those of degree 2 from scalars on thick slices, the second does
    parts: OrderedDict[str, Module] = OrderedDict(encode1=block(in_type, own, "ignore"), encode2=block(own, own))
    if len(types) > 1:
        next_grid = scales[1]
        deeper = OrderedDict(
            down=coarser(own, next_grid, any_size=True),
            stage=_stage(own, types[1:], scales[1:], **options),
            up=Upsample(types[1], scale_factor=next_grid.stride, mode="linear", spacing=grid.spacing),
        )
        parts["branch"] = Branch(Identity(own), _Coarser(deeper))
        parts["decode1"] = block(own + types[1], own)
        parts["decode2"] = block(own, own)
    return Sequential(parts)


class _Coarser(Sequential):
    """What happens on a coarser grid: modules of which the last resizes their output to the size of the input."""

    def _through(self, x: torch.Tensor, keywords: dict[str, Any]) -> torch.Tensor:
        *modules, up = self
        out = x
        for module in modules:
            out = self._call(module, out, keywords)
        return up(out, size=x.shape[2:])

    def _keywords(self) -> frozenset[str]:
        return super()._keywords() - {"size"}

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        *modules, (_, up) = self._parts()
        inside = torch.nn.Sequential(OrderedDict((name, replace(part)) for name, part in modules))
        graph = torch.fx.Graph()
        tracer = torch.fx.proxy.GraphAppendingTracer(graph)
        x = torch.fx.Proxy(graph.placeholder("x"), tracer)
        out = torch.fx.Proxy(graph.call_module("inside", (x.node,)), tracer)
        space: Any = x.shape  # of proxies, too
        sizes = tuple(space[axis] for axis in range(2, self.in_type.group.dim + 2))
        resized: Any = cast(Upsample, up)._resized(out, sizes)  # type: ignore[arg-type]
        graph.output(resized.node)
        return torch.fx.GraphModule({"inside": inside}, graph, class_name="Coarser")
