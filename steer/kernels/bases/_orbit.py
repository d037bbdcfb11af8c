"""Kernels into or out of induced representations, from those of one coset under the inducing subgroup."""

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._linalg import inverse_permutations
from ..._values import Array, frozen
from ...errors import KernelError
from ...reps import Induced, Representation
from ..cache._descriptor import Descriptor
from ._functions import Element, ScalarFunctions

Indices = npt.NDArray[np.intp]


class Orbit:
    """Kernels into or out of an induced representation, from those of the identity coset under the subgroup H.

    Hom_G(V, Ind_H^G W) = Hom_H(V, W): with g_i the coset representatives, the block of an induced output is
    K_i(x) = K_0(g_i^-1 x) V(g_i)^-1 and that of an induced input K_i(x) = V(g_i) K_0(g_i^-1 x). For H = 1, the regular
    representation, K_0 is any kernel: its elements are (component of W, component of V, scalar function).
    """

    def __init__(self, in_rep: Representation, out_rep: Representation, functions: ScalarFunctions) -> None:
        self.functions = functions
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
        self.shape = (inner.size, outer.size, functions.count(inner.group.dim))
        ends = (outer, inner) if self.into else (inner, outer)
        self._inner = None if self.free else functions.form(*ends)

    @property
    def descriptor(self) -> Descriptor[Any] | None:
        """What has to be solved, under the subgroup."""
        return None if self._inner is None else self._inner.descriptor

    @functools.cached_property
    def elements(self) -> tuple[Element, ...]:
        if self._inner is not None:
            return self._inner.elements
        inner, outer, _ = self.shape
        label = self.induced.subgroup.trivial.label
        scalars = self.functions.names(self.induced.group.dim)
        ends = [((w, v) if self.into else (v, w)) for w in range(inner) for v in range(outer)]
        quality = {(degree, ring): self.functions.quality(degree, ring) for degree, ring, _ in scalars}
        return tuple(
            Element(label, degree, ring, *end, copy, 0, quality[degree, ring])
            for end in ends
            for degree, ring, copy in scalars
        )

    @functools.cached_property
    def at_identity(self) -> Array | None:
        """(len, inner, other, scalar function): K_0 in the scalar functions; None when it is free (the identity)."""
        if self._inner is None:
            return None
        spectrum = self._inner.spectrum
        return frozen(spectrum if self.into else spectrum.transpose(0, 2, 1, 3))

    @functools.cached_property
    def movers(self) -> Array:
        """(cosets, other, other): V(g_i)."""
        return frozen(self.other(self.induced.cosets))

    @functools.cached_property
    def sources(self) -> Indices | None:
        """(cosets, other): where V permutes, the component i that V(g) takes to each j: V(g)[j, i] = 1."""
        places = self.other.places(self.induced.cosets)
        return None if places is None else inverse_permutations(places)

    def scalars(self, points: Array) -> Array:
        """(scalar function, cosets, m): the scalar functions at g_i^-1 x."""
        return self.functions.turned(self.induced.group, self.induced.cosets, points)

    def sample(self, points: Array) -> Array:
        return self.spread(self.scalars(points))

    def spread(self, moved: Array) -> Array:
        """(len, out, in, m): the kernels, from values (function, cosets, m) of the scalar functions at g_i^-1 x."""
        inner, outer, count = self.shape
        first = self.at_identity
        if first is None:
            first = np.eye(inner * outer * count).reshape(-1, inner, outer, count)
        kernels = np.einsum("nwvb,bgm,guv->ngwum", first, moved, self.movers, optimize=True)
        kernels = kernels.reshape(len(kernels), self.induced.size, outer, moved.shape[-1])
        return np.asarray(kernels if self.into else kernels.transpose(0, 2, 1, 3))

    def energies(self, points: Array) -> Array:
        moved = self.scalars(points)
        gram = np.einsum("bgm,cgm->bc", moved, moved, optimize=True)  # V(g_i) is orthogonal
        if self.at_identity is None:
            return np.tile(np.diagonal(gram), self.shape[0] * self.shape[1])
        return np.asarray(np.einsum("nwvb,bc,nwvc->n", self.at_identity, gram, self.at_identity, optimize=True))
