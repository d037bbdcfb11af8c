"""Equivariant linear maps between fibres."""

import torch

from ...kernels import KernelPlan, Rings
from ...kernels import compile as compile_plan
from ...kernels.plans._pointwise_map import map_channels
from .._engine._hooked import renew
from .._engine._layout import computed
from .._fields._types import FieldType, require_types
from ._steerable import Steerable


class Linear(Steerable):
    """The equivariant linear maps of fibres: y = A x + b with A in Hom_G(rho_in, rho_out), the same at every position.

    It takes features without positions, of points and of grids, as `torch.nn.Linear` does with the channels last: the
    feed-forward block of sets and of attention, and on grids what a convolution of kernel size 1 computes. It commutes
    with every element of the group, wherever the positions are.

    Args:
        in_type: type of the input.
        out_type: type of the output; of the same group.
        bias: whether to learn a bias in the invariant vectors of the output.
        device: of the parameters.
        dtype: of the parameters.
        unreached: "warn", "error" or "ignore" where there is no map to an output field, which is zero then, but for the
            bias.

    Attributes:
        weight: (num_weights,), the coefficients of the intertwiners.
        bias: coefficients of the invariant vectors of `out_type`, or None.
        plan: the `KernelPlan` that expands the coefficients.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...), with any axes of positions: none, (n,) for points, or
        *space.

    Raises:
        FieldTypeError: the types are of two groups.
        KernelError: with ``unreached="error"``, an output field that receives no map.
        ShapeError: at run time, an input of another number of channels or of another dtype than the weights.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("SO(3)", dim=3)
        >>> t = nn.FieldType(G, 8 * [G.trivial] + 4 * [G.vector])
        >>> wide = nn.Gate(t + t)
        >>> block = nn.Residual(nn.Sequential(nn.Linear(t, wide.in_type), wide, nn.Linear(wide.out_type, t)))
        >>> block(torch.randn(2, t.size, 100)).shape  # of 100 points
        torch.Size([2, 20, 100])
    """

    def __init__(
        self,
        in_type: FieldType,
        out_type: FieldType,
        bias: bool = True,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        unreached: str = "warn",
    ) -> None:
        require_types(type(self).__name__, in_type=in_type, out_type=out_type)
        grid = (1,) * in_type.group.dim

        def plan() -> KernelPlan:
            found = compile_plan(in_type, out_type, grid, radial=Rings.point(), unreached="ignore")
            found.report_unreached(unreached, resizable=False)
            return found

        super().__init__(in_type, out_type, plan, bias, device, dtype)

    def matrix(self) -> torch.Tensor:
        """The matrix A, expanded from the coefficients; differentiable.

        Returns:
            (out_type.size, in_type.size).
        """
        renew(self)
        return self._expand().flatten(1)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return computed(map_channels(self._filter().flatten(1), x, self._full_bias()))

    def _export(self) -> torch.nn.Module:
        graph = torch.fx.Graph()
        rows = graph.call_method("movedim", (graph.placeholder("x"), 1, -1))
        made = graph.call_module("linear", (rows,))
        graph.output(graph.call_method("movedim", (made, -1, 1)))
        return torch.fx.GraphModule({"linear": self._plain_linear()}, graph, type(self).__name__)

    def _plain_linear(self) -> torch.nn.Linear:
        """The same map of features with the channels last."""
        plain = torch.nn.Linear(self.in_type.size, self.out_type.size, self.bias is not None)
        plain.to(self.weight)
        with torch.no_grad():
            plain.weight.copy_(self.matrix())
            if self.bias is not None:
                plain.bias.copy_(self._full_bias())  # type: ignore[arg-type]
        return plain
