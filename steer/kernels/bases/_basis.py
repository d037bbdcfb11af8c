"""Bases of steerable kernels K(g x) = rho_out(g) K(x) rho_in(g)^-1, solved and sampled in NumPy."""

import functools
from dataclasses import dataclass

import numpy.typing as npt

from ..._values import Array, Frozen, is_one_of, require_count
from ...errors import KernelError
from ...reps import Induced, Representation
from ..cache._fetch import fingerprint
from ._functions import Element, ScalarFunctions, SolvedForm
from ._orbit import Orbit
from ._radial import Rings
from ._selection import BasisFilter, SelectedForm, Selection, require_filter, select, selected
from ._types import require_functions, require_pair, require_points, require_samples


@dataclass(frozen=True)
class KernelDescriptor(Frozen):
    """What a kernel basis depends on: two representations, scalar functions, and the form of the parametrisation.

    Form "block" solves the constraint between the two representations. Form "orbit" gives the kernel of one coset of an
    induced representation, and the group moves it to the others; for a regular representation its coefficients are
    unconstrained.

    Attributes:
        in_rep: representation of the input.
        out_rep: representation of the output.
        radial: the scalar functions.
        form: "block" or "orbit".
    """

    in_rep: Representation
    out_rep: Representation
    radial: ScalarFunctions
    form: str

    @property
    def functions(self) -> ScalarFunctions:
        """The scalar functions, under the name that they have elsewhere; as a field they are called `radial`."""
        return self.radial

    @property
    def fingerprint(self) -> str:
        """Hash of the convention version and of this descriptor, 32 hexadecimal digits."""
        return fingerprint(self)


def natural_form(in_rep: Representation, out_rep: Representation) -> str:
    """The form that a plan uses: "orbit" when one of the two is induced, "block" otherwise."""
    return "orbit" if isinstance(in_rep, Induced) or isinstance(out_rep, Induced) else "block"


class KernelBasis:
    """A basis of the steerable kernels between two representations; get one from `kernel_basis`.

    Its length is the number of kernels. They are solved once, kept by the cache, and sampled anywhere.

    Args:
        descriptor: what it depends on.

    Attributes:
        descriptor: what it depends on.
        in_rep: representation of the input.
        out_rep: representation of the output.
        form: the solution, in scalar functions.

    Raises:
        KernelError: the scalar functions have no kernels of the group, or of these representations.
    """

    def __init__(self, descriptor: KernelDescriptor) -> None:
        self.descriptor = descriptor
        self.in_rep, self.out_rep = descriptor.in_rep, descriptor.out_rep
        functions = descriptor.functions
        functions.require(self.in_rep.group)
        require_samples(functions, self.in_rep.group.dim)
        ends = self.in_rep, self.out_rep
        self.form: SolvedForm | Orbit | SelectedForm
        if descriptor.form == "orbit":
            if isinstance(functions, Selection):
                self.form = selected(Orbit(*ends, functions.functions), functions)
            else:
                self.form = Orbit(*ends, functions)
        else:
            self.form = functions.form(*ends)

    def __len__(self) -> int:
        return len(self.elements)

    def __repr__(self) -> str:
        return f"KernelBasis({self.descriptor!r})"

    @property
    def elements(self) -> tuple[Element, ...]:
        """The name of each basis kernel, in their order: J, degree, ring, and so on."""
        return self.form.elements

    @property
    def fingerprint(self) -> str:
        """Hash of the convention version and the descriptor: equal for equal bases, on every machine."""
        return self.descriptor.fingerprint

    def sample(self, points: npt.ArrayLike) -> Array:
        """The basis kernels at given points.

        Args:
            points: (m, d), coordinates (x, y[, z]) in pixels from the centre.

        Returns:
            (len, out_rep.size, in_rep.size, m), float64.

        Raises:
            KernelError: the points are not (m, d), or, for functions on a grid alone, are none of its samples.
        """
        return self.form.sample(require_points(points, self.in_rep.group.dim))


def kernel_basis(
    in_rep: Representation,
    out_rep: Representation,
    *,
    max_frequency: int | None = None,
    radial: ScalarFunctions | None = None,
    form: str | None = None,
    basis_filter: BasisFilter | None = None,
) -> KernelBasis:
    """Basis of the steerable kernels from one representation to another: K(g x) = rho_out(g) K(x) rho_in(g)^-1.

    In form "block" a kernel is a Clebsch-Gordan coefficient times harmonics times a radial function; in form "orbit" it
    is a free or constrained kernel of the identity coset, moved along the group.

    Args:
        in_rep: representation of the input fibre.
        out_rep: representation of the output fibre, of the same group.
        max_frequency: highest harmonic degree; needed without `radial`, caps its limits otherwise.
        radial: the scalar functions, `Rings` or others; by default one ring of radius 1 and width 0.6, enough to look
            at the angular solutions.
        form: "block" or "orbit"; by default the one that `KernelPlan` uses.
        basis_filter: which kernels to keep: a function of their `elements` that returns True or False, such as ``lambda
            e: e.degree % 2 == 0``, or some of the elements. See `Selection`.

    Returns:
        The basis; the same object for equal arguments.

    Raises:
        KernelError: an argument is not a representation or no scalar functions, the groups differ, no band limit is
            given, or "orbit" is asked for without an induced representation; `basis_filter` keeps nothing, or fails.

    Source:
        Cesa, Lang, Weiler 2022, "A program to build E(n)-equivariant steerable CNNs" (the Wigner-Eckart form); Weiler,
        Cesa 2019 for the groups of the plane. The orbit form is Frobenius reciprocity.

    Example:
        >>> import steer
        >>> G = steer.group("SO(2)", dim=2)
        >>> basis = steer.kernels.kernel_basis(G.irrep("0"), G.irrep("1"), max_frequency=3)
        >>> len(basis), basis.sample([[1.0, 0.0], [0.0, 1.0]]).shape
        (2, (2, 2, 1, 2))
        >>> [(e.irrep, e.degree) for e in basis.elements]
        [('1', 1), ('1', 1)]
    """
    require_pair(in_rep, out_rep)
    require_functions(radial)
    functions = _capped(radial, max_frequency)
    natural = natural_form(in_rep, out_rep)
    if not (form is None or is_one_of(form, ("block", "orbit"))) or (form == "orbit" and natural == "block"):
        raise KernelError(f"form: expected 'block', or 'orbit' if a representation is induced; got {form!r}")
    require_filter(basis_filter)
    basis = _basis(KernelDescriptor(in_rep, out_rep, functions, form or natural))
    if basis_filter is None:
        return basis
    return _basis(KernelDescriptor(in_rep, out_rep, select(functions, basis.elements, basis_filter), form or natural))


def _capped(radial: ScalarFunctions | None, max_frequency: int | None) -> ScalarFunctions:
    """The scalar functions up to a degree, by default those of one ring."""
    if max_frequency is not None:
        max_frequency = require_count("max_frequency", max_frequency, KernelError)
    if radial is None:
        if max_frequency is None:
            raise KernelError("max_frequency: got None; pass the highest harmonic degree, or the rings as radial=")
        return Rings((1.0,), (0.6,), (max_frequency,))
    return radial if max_frequency is None else radial.capped(max_frequency)


@functools.lru_cache(maxsize=512)
def _basis(descriptor: KernelDescriptor) -> KernelBasis:
    return KernelBasis(descriptor)
