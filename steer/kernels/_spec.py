"""Which kernels are wanted, without making any: what a layer asks the compiler for."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .._values import Frozen
from ..errors import KernelError
from ..reps import DirectSum, Representation
from .bases._bases import functions_for
from .bases._basis import kernel_basis
from .bases._functions import ScalarFunctions
from .bases._grid import Grid
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
        ends = as_fields("in_type", in_type), as_fields("out_type", out_type)
        dim = same_group(*ends)
        given = (kernel_size,) * dim if isinstance(kernel_size, int) else kernel_size
        grid = given if isinstance(given, Grid) else Grid(given)
        if len(grid.shape) != dim:
            raise KernelError(f"kernel_size: expected {dim} sizes for {ends[0][0].group!r}, got {kernel_size!r}")
        for name, value in zip(("in_type", "out_type"), ends, strict=True):
            object.__setattr__(self, name, tuple(dict.fromkeys(atom for rep in value for atom in atoms(rep))))
        object.__setattr__(self, "kernel_size", grid)
        object.__setattr__(self, "basis", functions_for(basis, grid, max_frequency))

    def descriptors(self) -> tuple[Descriptor[Any], ...]:
        """What has to be solved, without solving it: one for each pair of representations whose kernels are not free.

        Returns:
            Frozen values; each prints all that its solution depends on.

        Raises:
            KernelError: the basis has no kernels of these types.
        """
        forms = (kernel_basis(a, b, radial=self.basis).form for b in self.out_type for a in self.in_type)
        return tuple(dict.fromkeys(form.descriptor for form in forms if form.descriptor is not None))


def as_fields(name: str, given: Iterable[Representation]) -> tuple[Representation, ...]:
    """The representations of the fields of a type.

    Raises:
        KernelError: it is none.
    """
    fields = () if isinstance(given, Representation) or not isinstance(given, Iterable) else tuple(given)
    if not fields or not all(isinstance(rep, Representation) for rep in fields):
        raise KernelError(f"{name}: expected a FieldType or a list of representations, got {given!r}")
    return fields


def same_group(in_reps: tuple[Representation, ...], out_reps: tuple[Representation, ...]) -> int:
    """The dimension of the space on which the one group of two types acts.

    Raises:
        KernelError: they are of two groups.
    """
    groups = {rep.group for rep in in_reps + out_reps}
    if len(groups) > 1:
        raise KernelError(
            f"in_type, out_type: expected fields of one group, got {' and '.join(sorted(map(repr, groups)))}; "
            f"restrict them to a common subgroup"
        )
    return in_reps[0].group.dim


def atoms(rep: Representation) -> tuple[Representation, ...]:
    """A direct sum with no mixing is its summands, one after the other."""
    return tuple(atom for part in rep.parts for atom in atoms(part)) if isinstance(rep, DirectSum) else (rep,)
