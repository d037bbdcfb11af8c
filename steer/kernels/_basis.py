"""Bases of steerable kernels K(g x) = rho_out(g) K(x) rho_in(g)^-1, solved and sampled in NumPy."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import KernelError
from ..reps import Induced, Representation
from ..reps._frozen import Frozen
from ..reps._group import require_count
from ..reps._linalg import Array
from ._functions import Element, Form, ScalarFunctions
from ._orbit import Orbit
from ._radial import Rings
from .cache import fingerprint


@dataclass(frozen=True)
class KernelDescriptor(Frozen):
    """What a kernel basis depends on: two representations, scalar functions, and the form of the parametrisation.

    Form "block" solves the constraint between the two representations. Form "orbit" gives the kernel of one coset of an
    induced representation, and the group moves it to the others; for a regular representation its coefficients are
    unconstrained.
    """

    in_rep: Representation
    out_rep: Representation
    radial: ScalarFunctions
    form: str

    @property
    def fingerprint(self) -> str:
        """Hash of the convention version and of this descriptor."""
        return fingerprint(self)


def natural_form(in_rep: Representation, out_rep: Representation) -> str:
    """The form that a plan uses: "orbit" when one of the two is induced, "block" otherwise."""
    return "orbit" if isinstance(in_rep, Induced) or isinstance(out_rep, Induced) else "block"


class KernelBasis:
    """A basis of the steerable kernels between two representations; see `kernel_basis`."""

    def __init__(self, descriptor: KernelDescriptor) -> None:
        self.descriptor = descriptor
        self.in_rep, self.out_rep = descriptor.in_rep, descriptor.out_rep
        radial = descriptor.radial
        radial.require(self.in_rep.group)
        ends = self.in_rep, self.out_rep
        self.form: Form = Orbit(*ends, radial) if descriptor.form == "orbit" else radial.form(*ends)

    def __len__(self) -> int:
        return len(self.elements)

    def __repr__(self) -> str:
        return f"KernelBasis({self.descriptor!r})"

    @property
    def elements(self) -> tuple[Element, ...]:
        """The name of each basis kernel, in their order."""
        return self.form.elements

    @property
    def fingerprint(self) -> str:
        """Hash of the convention version and the descriptor: equal for equal bases, on every machine."""
        return self.descriptor.fingerprint

    def sample(self, points: npt.ArrayLike) -> Array:
        """(len, out, in, m): the kernels at points (m, d), coordinates (x, y[, z]) in pixels."""
        x = np.asarray(points, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.in_rep.group.dim:
            raise KernelError(f"points: expected an array of shape (m, {self.in_rep.group.dim}), got {x.shape}")
        return self.form.sample(x)


def kernel_basis(
    in_rep: Representation,
    out_rep: Representation,
    *,
    max_frequency: int | None = None,
    radial: ScalarFunctions | None = None,
    form: str | None = None,
) -> KernelBasis:
    """Basis of the steerable kernels from `in_rep` to `out_rep`.

    Args:
        in_rep: representation of the input fibre.
        out_rep: representation of the output fibre, of the same group.
        max_frequency: highest harmonic degree; needed without `radial`, caps its limits otherwise.
        radial: the scalar functions, `Rings` or others; by default one ring of radius 1 and width 0.6, enough to look
            at the angular solutions.
        form: "block" or "orbit"; by default the one that `KernelPlan` uses.

    Raises:
        KernelError: an argument is not a representation, the groups differ, no band limit is given, or "orbit" is asked
            for without an induced representation.
    """
    for name, rep in (("in_rep", in_rep), ("out_rep", out_rep)):
        if not isinstance(rep, Representation):
            raise KernelError(f"{name}: expected a representation such as group.regular, got {rep!r}")
    if in_rep.group != out_rep.group:
        raise KernelError(
            f"in_rep, out_rep: expected representations of one group, got {in_rep.group!r} and {out_rep.group!r}; "
            f"restrict one of them with .restrict(subgroup)"
        )
    if max_frequency is not None:
        max_frequency = require_count("max_frequency", max_frequency, KernelError)
    if radial is None:
        if max_frequency is None:
            raise KernelError("max_frequency: got None; pass the highest harmonic degree, or the rings as radial=")
        radial = Rings((1.0,), (0.6,), (max_frequency,))
    elif max_frequency is not None:
        if not isinstance(radial, Rings):
            raise KernelError(f"max_frequency: only rings can be capped, got {max_frequency} beside radial={radial!r}")
        radial = Rings(radial.radii, radial.widths, tuple(min(limit, max_frequency) for limit in radial.limits))
    natural = natural_form(in_rep, out_rep)
    if form not in (None, "block", "orbit") or (form == "orbit" and natural == "block"):
        raise KernelError(f"form: expected 'block', or 'orbit' if a representation is induced; got {form!r}")
    return _basis(KernelDescriptor(in_rep, out_rep, radial, form or natural))


@functools.lru_cache(maxsize=512)
def _basis(descriptor: KernelDescriptor) -> KernelBasis:
    return KernelBasis(descriptor)
