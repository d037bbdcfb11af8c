"""Equivariant linear maps between fibres."""

import torch

from ...errors import ShapeError
from ...kernels import KernelPlan, Rings
from ...kernels import compile as compile_plan
from .._engine._hooked import renew
from .._fields._types import FieldType, require_types
from ._steerable import Steerable


class Linear(Steerable):
    """The equivariant linear maps of features without positions: y = A x + b with A in Hom_G(rho_in, rho_out).

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
        (batch, in_type.size) -> (batch, out_type.size).

    Raises:
        FieldTypeError: the types are of two groups.
        KernelError: with ``unreached="error"``, an output field that receives no map.
        ShapeError: at run time, an input with axes of space.
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

    def _check(self, x: torch.Tensor) -> None:
        super()._check(x)
        if x.dim() != 2:
            raise ShapeError(
                f"x: Linear expects (batch, {self.in_type.size}), got {tuple(x.shape)}; use Conv2d on images"
            )

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, self._filter().flatten(1), self._full_bias())

    def _export(self) -> torch.nn.Module:
        plain = torch.nn.Linear(self.in_type.size, self.out_type.size, self.bias is not None)
        plain.to(self.weight)
        with torch.no_grad():
            plain.weight.copy_(self.matrix())
            if self.bias is not None:
                plain.bias.copy_(self._full_bias())  # type: ignore[arg-type]
        return plain
