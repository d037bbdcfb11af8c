"""Which kernels are wanted, without making any: what a layer asks the compiler for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .._values import Frozen
from ..errors import KernelError
from ..reps import Representation
from .bases._bases import functions_for
from .bases._basis import kernel_basis
from .bases._functions import ScalarFunctions
from .bases._grid import Grid
from .bases._types import as_fields
from .cache._descriptor import Descriptor


@dataclass(frozen=True)
class KernelSpec(Frozen):
    """The kernels between two field types on a grid; `steer.precompute` solves what such specs need.

    Args:
        in_type: a `FieldType`, or the representations of the input fields; how often each occurs does not matter.
        out_type: the same for the output; of the same group.
        kernel_size: an integer, a tuple ([z,] y, x), or a `Grid`.
        basis: what kernels are made of, as of `steer.nn.Conv2d`.
        max_frequency: cap on the degree of the harmonics; by default what the kernel size carries.

    Raises:
        KernelError: a type is not one, the two are of two groups, or an option is out of range.

    Example:
        >>> import steer
        >>> G = steer.group("O(3)", dim=3)
        >>> spec = steer.kernels.KernelSpec([G.irrep("0e")], [G.irrep("0e"), G.vector], kernel_size=3)
        >>> len(spec.descriptors())
        2
    """

    in_type: tuple[Representation, ...]
    out_type: tuple[Representation, ...]
    kernel_size: Grid
    basis: ScalarFunctions

    def __init__(
        self,
        in_type: Iterable[Representation],
        out_type: Iterable[Representation],
        kernel_size: int | tuple[int, ...] | Grid,
        basis: str | ScalarFunctions = "rings",
        max_frequency: int | None = None,
    ) -> None:
        ends = as_fields(in_type, out_type)
        group = ends[0].group
        dim = group.dim
        given = (kernel_size,) * dim if isinstance(kernel_size, int) else kernel_size
        grid = given if isinstance(given, Grid) else Grid(given)
        if len(grid.shape) != dim:
            raise KernelError(f"kernel_size: expected {dim} sizes for {group!r}, got {kernel_size!r}")
        for name, value in zip(("in_type", "out_type"), ends, strict=True):
            object.__setattr__(self, name, tuple(value.summands.kinds))
        object.__setattr__(self, "kernel_size", grid)
        object.__setattr__(self, "basis", functions_for(basis, grid, max_frequency))

    def descriptors(self) -> tuple[Descriptor[Any], ...]:
        """What has to be solved, without solving it: the functions, and the pairs whose kernels are not free.

        Returns:
            Frozen values; each prints all that its solution depends on.

        Raises:
            KernelError: the basis has no kernels of these types.
        """
        forms = (kernel_basis(a, b, radial=self.basis).form for b in self.out_type for a in self.in_type)
        pairs = dict.fromkeys(form.descriptor for form in forms if form.descriptor is not None)
        return (*self.basis.descriptors, *pairs)
