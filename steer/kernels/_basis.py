"""Bases of steerable kernels K(g x) = rho_out(g) K(x) rho_in(g)^-1, solved and sampled in NumPy."""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import KernelError
from ..reps import Induced, Irrep, Representation, harmonic_size
from ..reps._frozen import Frozen
from ..reps._group import require_count
from ..reps._linalg import Array, frozen
from ._radial import Rings
from ._wigner_eckart import Solution, describe, solve
from .cache import fingerprint


class Element(NamedTuple):
    """Name of one basis kernel: the irrep J in the harmonics of a degree, on a ring, between two parts of the fields.

    `copy` counts the copies of J among the harmonics of the degree, `multiplicity` the Clebsch-Gordan coefficients of J
    between the two parts. `out_part` and `in_part` count the irreps of the two representations. In orbit form, J, the
    copies and the parts are those of the subgroup; for a regular representation the parts are components.
    """

    irrep: str
    degree: int
    ring: int
    out_part: int
    in_part: int
    copy: int
    multiplicity: int


@dataclass(frozen=True)
class KernelDescriptor(Frozen):
    """What a kernel basis depends on: two representations, the radial profile, and the form of the parametrisation.

    Form "block" names kernels by the irreps of both representations. Form "orbit" gives the kernel of one coset of an
    induced representation, and the group moves it to the others; for a regular representation its coefficients are
    unconstrained.
    """

    in_rep: Representation
    out_rep: Representation
    radial: Rings
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
        self.in_rep.group.harmonic(descriptor.radial.max_frequency)  # an error where space has none of that degree
        self.form = Orbit(descriptor) if descriptor.form == "orbit" else Block(descriptor)

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
    radial: Rings | None = None,
    form: str | None = None,
) -> KernelBasis:
    """Basis of the steerable kernels from `in_rep` to `out_rep`.

    Args:
        in_rep: representation of the input fibre.
        out_rep: representation of the output fibre, of the same group.
        max_frequency: highest harmonic degree; needed without `radial`, caps its limits otherwise.
        radial: the rings; by default one ring of radius 1 and width 0.6, enough to look at the angular solutions.
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
        radial = Rings(radial.radii, radial.widths, tuple(min(limit, max_frequency) for limit in radial.limits))
    natural = natural_form(in_rep, out_rep)
    if form not in (None, "block", "orbit") or (form == "orbit" and natural == "block"):
        raise KernelError(f"form: expected 'block', or 'orbit' if a representation is induced; got {form!r}")
    return _basis(KernelDescriptor(in_rep, out_rep, radial, form or natural))


@functools.lru_cache(maxsize=512)
def _basis(descriptor: KernelDescriptor) -> KernelBasis:
    return KernelBasis(descriptor)


def distinct_irreps(rep: Representation) -> list[tuple[Irrep, list[int]]]:
    """The distinct irreps in order of appearance, with their positions in `rep.irreps`."""
    found: dict[Irrep, list[int]] = {}
    for position, psi in enumerate(rep.irreps):
        found.setdefault(psi, []).append(position)
    return list(found.items())


def isotypic_basis(rep: Representation) -> Array:
    """The change of basis with equal irreps brought together, in the order of `distinct_irreps`."""
    starts = np.cumsum([0, *(psi.size for psi in rep.irreps)])
    order = [np.arange(starts[p], starts[p + 1]) for _, where in distinct_irreps(rep) for p in where]
    return rep.change_of_basis[:, np.concatenate(order)]


class Block:
    """Kernels between the irreps of two representations: by (out irrep, in irrep), their copies, ring, degree, J."""

    def __init__(self, descriptor: KernelDescriptor) -> None:
        self.in_rep, self.out_rep, self.radial = descriptor.in_rep, descriptor.out_rep, descriptor.radial
        self.solution: Solution = solve(describe(self.in_rep, self.out_rep, self.radial.max_frequency))

    def pair(self, a: Irrep, b: Irrep) -> Array:
        """(n, out, in, scalar function): the kernels from irrep a to irrep b, by ring, degree, element."""
        dim = a.group.dim
        tensors, start, total = [], 0, self.radial.count(dim)
        for _, degree in self.radial.blocks:
            angular = self.solution[a, b, degree].tensors
            size = harmonic_size(dim, degree)
            full = np.zeros((*angular.shape[:3], total))
            full[..., start : start + size] = angular
            tensors.append(full)
            start += size
        return np.concatenate(tensors)

    @functools.cached_property
    def elements(self) -> tuple[Element, ...]:
        found = []
        for b, rows in distinct_irreps(self.out_rep):
            for a, columns in distinct_irreps(self.in_rep):
                for row in rows:
                    for column in columns:
                        for ring, degree in self.radial.blocks:
                            for label, copy, multiplicity in self.solution[a, b, degree].labels:
                                found.append(Element(label, degree, ring, row, column, copy, multiplicity))
        return tuple(found)

    @functools.cached_property
    def spectrum(self) -> Array:
        """(len, out, in, scalar function): coefficients of every kernel in the scalar functions."""
        q_out, q_in = isotypic_basis(self.out_rep), isotypic_basis(self.in_rep)
        total = self.radial.count(self.in_rep.group.dim)
        found, row = [np.zeros((0, self.out_rep.size, self.in_rep.size, total))], 0
        for b, rows in distinct_irreps(self.out_rep):
            column = 0
            for a, columns in distinct_irreps(self.in_rep):
                pair = self.pair(a, b)
                for i in range(len(rows)):
                    left = q_out[:, row + i * b.size : row + (i + 1) * b.size]
                    for j in range(len(columns)):
                        right = q_in[:, column + j * a.size : column + (j + 1) * a.size]
                        found.append(np.einsum("pi,nijb,qj->npqb", left, pair, right, optimize=True))
                column += len(columns) * a.size
            row += len(rows) * b.size
        return frozen(np.concatenate(found))

    def sample(self, points: Array) -> Array:
        return np.asarray(self.spectrum @ self.radial.sample(points))


class Orbit:
    """Kernels into or out of an induced representation, from those of the identity coset under the subgroup H.

    Hom_G(V, Ind_H^G W) = Hom_H(V, W): with g_i the coset representatives, the block of an induced output is
    K_i(x) = K_0(g_i^-1 x) V(g_i)^-1 and that of an induced input K_i(x) = V(g_i) K_0(g_i^-1 x). For H = 1, the regular
    representation, K_0 is any kernel: its elements are (component of W, component of V, scalar function).
    """

    def __init__(self, descriptor: KernelDescriptor) -> None:
        out_rep, in_rep, radial = descriptor.out_rep, descriptor.in_rep, descriptor.radial
        self.radial = radial
        if isinstance(out_rep, Induced) and (
            not isinstance(in_rep, Induced) or out_rep.subgroup.order <= in_rep.subgroup.order
        ):
            self.induced, self.other, self.into = out_rep, in_rep, True
        elif isinstance(in_rep, Induced):
            self.induced, self.other, self.into = in_rep, out_rep, False
        else:
            raise KernelError(f"form: neither {in_rep!r} nor {out_rep!r} is induced; use form='block'")
        self.free = self.induced.subgroup.order == 1
        inner, outer = self.induced.base, self.other.restrict(self.induced.subgroup)
        self.shape = (inner.size, outer.size, radial.count(inner.group.dim))
        ends = (outer, inner) if self.into else (inner, outer)
        self._inner = None if self.free else Block(KernelDescriptor(*ends, radial, "block"))

    @functools.cached_property
    def elements(self) -> tuple[Element, ...]:
        if self._inner is not None:
            return self._inner.elements
        inner, outer, _ = self.shape
        label, dim = self.induced.subgroup.trivial.label, self.induced.group.dim
        scalars = [
            (degree, ring, copy) for ring, degree in self.radial.blocks for copy in range(harmonic_size(dim, degree))
        ]
        ends = [((w, v) if self.into else (v, w)) for w in range(inner) for v in range(outer)]
        return tuple(Element(label, degree, ring, *end, copy, 0) for end in ends for degree, ring, copy in scalars)

    @functools.cached_property
    def spectrum(self) -> Array | None:
        """(len, inner, other, scalar function): K_0 in the scalar functions; None when it is free (the identity)."""
        if self._inner is None:
            return None
        return frozen(self._inner.spectrum if self.into else self._inner.spectrum.transpose(0, 2, 1, 3))

    @functools.cached_property
    def movers(self) -> Array:
        """(cosets, other, other): V(g_i)."""
        return frozen(self.other._matrices(self.induced.cosets))

    def scalars(self, points: Array) -> Array:
        """(scalar function, cosets, m): the scalar functions at g_i^-1 x."""
        action = self.induced.group._action(self.induced.cosets)
        return self.radial.sample(np.einsum("gji,mj->gmi", action, points))

    def sample(self, points: Array) -> Array:
        inner, outer, count = self.shape
        moved = self.scalars(points)
        if self.spectrum is None:
            free = np.eye(inner * outer * count).reshape(-1, inner, outer, count)
            kernels = np.einsum("nwvb,bgm,guv->ngwum", free, moved, self.movers, optimize=True)
        else:
            kernels = np.einsum("nwvb,bgm,guv->ngwum", self.spectrum, moved, self.movers, optimize=True)
        kernels = kernels.reshape(len(kernels), self.induced.size, outer, len(points))
        return np.asarray(kernels if self.into else kernels.transpose(0, 2, 1, 3))
