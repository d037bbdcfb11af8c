"""Representations of a factor as those of the product."""

import functools
from dataclasses import dataclass

from ..._values import Array
from ..theory._decomposition import Decomposition
from ..theory._representation import Representation
from ._products import DirectProduct


@dataclass(frozen=True, repr=False)
class Inflation(Representation):
    """A representation of a factor, at pairs of elements of a direct product; get one from `DirectProduct.inflate`.

    Attributes:
        base: the representation of the factor.
        group: the product.
        factor: "first" or "second".
    """

    base: Representation
    group: DirectProduct
    factor: str

    @property
    def size(self) -> int:
        return self.base.size

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def _degree(self) -> int:
        return self.base._degree

    def _matrices(self, g: Array) -> Array:
        return self.base._matrices(self.group._part(g, self.factor))

    @functools.cached_property
    def decomposition(self) -> Decomposition:
        irreps = tuple(self.group._inflated(psi, self.factor) for psi in self.base.irreps)
        return Decomposition(irreps, self.base.change_of_basis)

    def __repr__(self) -> str:
        factor = f", {self.factor!r}" if self.group.first == self.group.second else ""
        return f"{self.group!r}.inflate({self.base!r}{factor})"
