"""Diagonal subgroups of direct products: pairs of an element and its image in the other factor."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..._values import Array, frozen
from ...errors import GroupError
from ..theory._group import Group
from ..theory._lattice import Moves
from ..theory._representation import Irrep, IrrepData, Representation, block_diagonal
from ..theory._tensors import irreps_at

if TYPE_CHECKING:
    from ._products import DirectProduct


@dataclass(frozen=True, repr=False)
class Diagonal(Group):
    """The pairs (k, phi(k)) in a direct product, with k in a subgroup K of the first factor.

    Get one from `DirectProduct.diagonal`. It is a copy of K: irreps, labels, subgroups and moves of space are those of
    K.

    Args:
        product: the direct product.
        base: K.
        through: phi, a representation of K whose matrices are elements of the second factor.

    Raises:
        GroupError: K is not a subgroup of the first factor, or `through` no such representation.
    """

    product: "DirectProduct"
    base: Group
    through: Representation

    def __post_init__(self) -> None:
        if not self.base <= self.product.first:
            raise GroupError(f"first: {self.base!r} is not a subgroup of {self.product.first!r}")
        known = isinstance(self.through, Representation) and self.through.group == self.base
        if not known or self.through.size != self.product.second.element_size:
            raise GroupError(
                f"through: expected a representation of {self.base!r} by matrices of size "
                f"{self.product.second.element_size}, got {self.through!r}"
            )
        images = self.through(np.concatenate([self.base.generators, self.base.identity_component]))
        if not self.product.second._contains(images).all():
            raise GroupError(f"through: matrices of {self.through!r} are not in {self.product.second!r}")

    @property
    def name(self) -> str:
        return f"diagonal({self.base.name} in {self.product.name})"

    def __repr__(self) -> str:
        return f"{self.product!r}.diagonal({self.base!r}, {self.through!r})"

    # Elements -------------------------------------------------------------------------------------------------------

    def _lift(self, k: Array) -> Array:
        """The pairs of elements of K."""
        return block_diagonal([k, self.through._matrices(k)])

    def _part(self, g: Any) -> Any:
        """The elements of K in pairs."""
        size = self.base.element_size
        return g[..., :size, :size]

    @property
    def dim(self) -> int:
        return self.base.dim

    @property
    def element_size(self) -> int:
        return self.product.element_size

    @property
    def order(self) -> int | float:
        return self.base.order

    @property
    def components(self) -> Array:
        return frozen(self._lift(self.base.components))

    @property
    def generators(self) -> Array:
        return frozen(self._lift(self.base.generators))

    @property
    def identity_component(self) -> Array:
        return frozen(self._lift(self.base.identity_component))

    def _node_count(self, max_degree: int) -> int | float:
        return self.base._node_count(max_degree)

    def haar(self, max_degree: int = 0) -> tuple[Array, Array]:
        nodes, weights = self.base.haar(max_degree)
        return frozen(self._lift(nodes)), weights

    def _draw(self, n: int, rng: "np.random.Generator") -> Array:
        return self._lift(self.base.sample(n, int(rng.integers(2**32))))

    def _projected(self, g: Array) -> Array:
        return self._lift(self.base._projected(self._part(g)))

    def _distance(self, g: Array) -> Array:
        return np.asarray(np.linalg.norm(g - self._projected(g), axis=(-2, -1)))

    def _nearest(self, g: Array) -> npt.NDArray[np.intp]:
        return self.base._nearest(self._part(g))

    def _action(self, g: Array) -> Array:
        return self.base._action(self._part(g))

    @property
    def _action_degree(self) -> int:
        return self.base._action_degree

    @property
    def _stretch(self) -> int:
        return max(1, self.through._degree) * self.base._stretch

    @property
    def _dimension(self) -> int:
        return self.base._dimension

    def _grid_symmetries(self) -> Array:
        return self._lift(self.base._grid_symmetries())

    def _finite_with(self, moves: Moves) -> "Diagonal | None":
        found = self.base._finite_with(Moves(lambda k: moves.action(self._lift(k)), moves.degree, moves.targets))
        return None if found is None else self._through(found)

    # Irreps ---------------------------------------------------------------------------------------------------------

    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        return self.base._labels(max_frequency)

    def _known_label(self, label: str) -> str:
        return self.base._known_label(label)

    def _irrep_data(self, label: str) -> IrrepData | None:
        data = self.base._irrep_data(label)
        return data and data._replace(matrices=lambda g: data.matrices(self._part(g)))

    def _irreps_at(self, irreps: Collection[Irrep], g: Any) -> dict[Irrep, Any]:
        own = {psi: Irrep(self.base, psi.label) for psi in irreps}
        found = irreps_at(self.base, list(own.values()), self._part(g))
        return {psi: found[one] for psi, one in own.items()}

    def _closed_clebsch_gordan(self, first: Irrep, second: Irrep, out: Irrep) -> Array | None:
        own = [Irrep(self.base, psi.label) for psi in (first, second, out)]
        return self.base._closed_clebsch_gordan(*own)

    # Subgroups ------------------------------------------------------------------------------------------------------

    def _through(self, small: Group) -> "Diagonal":
        return Diagonal(self.product, small, self.through.restrict(small))

    @property
    def trivial_subgroup(self) -> "Diagonal":
        return self._through(self.base.trivial_subgroup)

    def subgroup(self, name: str, **where: object) -> "Diagonal":
        """The subgroup called `name`: the pairs of the elements of a subgroup of K.

        Args:
            name: as for K.
            **where: as for K.

        Returns:
            The diagonal subgroup of the same product.

        Raises:
            GroupError: K has no such subgroup.
        """
        return self._through(self.base.subgroup(name, **where))

    def subgroups(self, max_order: int = 12) -> tuple["Diagonal", ...]:
        return tuple(self._through(small) for small in self.base.subgroups(max_order))


def diagonal(product: "DirectProduct", first: Group | str | None, through: Representation | None) -> Diagonal:
    """See `DirectProduct.diagonal`."""
    base = product.first if first is None else product.first._named_subgroup(first)
    if through is None:
        g = np.concatenate([base.generators, base.identity_component])
        if base.dim == 0 or base._action(g).shape != g.shape or np.abs(base._action(g) - g).max(initial=0.0) > 0:
            raise GroupError(f"through: pass a representation of {base!r} by elements of {product.second!r}")
        through = base.vector
    return Diagonal(product, base, through)
