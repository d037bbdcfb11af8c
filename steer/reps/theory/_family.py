"""What a family of groups must say of itself."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

from ..._values import Array, Frozen

if TYPE_CHECKING:
    from ._group import Group
    from ._representation import Representation


class IrrepData(NamedTuple):
    """What a group says of one irrep: its size, frequency and Frobenius-Schur type over the reals."""

    size: int
    frequency: int
    type: str


class Family(Frozen, ABC):
    """The abstract part of `Group`: all that its other methods follow from."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the group up to the choice of axes, as `steer.group` takes it."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension d of the space that the group acts on; 0 for a group without action."""

    @property
    def element_size(self) -> int:
        """Size of the matrices that are its elements: `dim` where they act on space by themselves."""
        return self.dim

    @property
    @abstractmethod
    def order(self) -> int | float:
        """Number of elements, `math.inf` for a continuous group."""

    @property
    @abstractmethod
    def generators(self) -> Array:
        """Matrices (n, d, d) that generate the group; of a continuous one, a dense subgroup of it."""

    @property
    @abstractmethod
    def components(self) -> Array:
        """One element of each connected component, (n, d, d), the identity first; all elements of a finite group."""

    @property
    @abstractmethod
    def frame(self) -> Array:
        """The rotation R (d, d) from the standard setting: h -> R h R^-1 embeds `standard`, element by element."""

    @property
    @abstractmethod
    def standard(self) -> "Group":
        """The group of this name in the standard setting, as `steer.group` gives it."""

    @property
    @abstractmethod
    def identity_component(self) -> Array:
        """Matrices (n, d, d) that generate (a dense subgroup of) the component of the identity; n = 0 if finite."""

    @abstractmethod
    def haar(self, max_degree: int = 0) -> tuple[Array, Array]:
        """A quadrature of the normalised Haar measure of the group.

        It integrates exactly every product of irreps whose frequencies add up to at most `max_degree`: over the
        elements of a finite group, whatever the degree; over equidistant rotations of SO(2), O(2) and the axial groups;
        over a product of uniform, Gauss-Legendre and uniform nodes in the Euler angles of SO(3) and O(3).

        Args:
            max_degree: the sum of frequencies to integrate exactly, an integer >= 0.

        Returns:
            The nodes (n, d, d) and their weights (n,), positive with sum 1; both read-only.

        Raises:
            GroupError: `max_degree` is not an integer >= 0.
        """

    @abstractmethod
    def sample(self, n: int, seed: int = 0) -> Array:
        """Random elements, distributed by the Haar measure; equal seeds give equal elements.

        Args:
            n: how many, an integer >= 0.
            seed: of NumPy's generator.

        Returns:
            (n, d, d).

        Raises:
            GroupError: `n` is not an integer >= 0.
        """

    @abstractmethod
    def subgroup(self, name: str, **where: object) -> "Group":
        """The closed subgroup called `name`; its elements are elements of this group.

        Args:
            name: as `steer.group` takes it.
            **where: where its axes lie, when the default will not do: `axis` of a dihedral group of the plane; `axis`
                and `secondary` of a group of space.

        Returns:
            The subgroup, in the setting given by `where`: by default in the standard one, or else along the first axes
            that fit.

        Raises:
            GroupError: there is no such subgroup, or not along these axes.
        """

    @abstractmethod
    def subgroups(self, max_order: int = 12) -> tuple["Group", ...]:
        """One subgroup of each conjugacy class, smallest first.

        Args:
            max_order: of a continuous group, the largest order of the finite subgroups that are listed beside the
                continuous ones.

        Returns:
            The subgroups, from the trivial one to the group itself.

        Raises:
            GroupError: `max_order` is not an integer >= 0.
        """

    @abstractmethod
    def _labels(self, max_frequency: int | None) -> tuple[str, ...]:
        """Labels of the irreps up to `max_frequency`, the trivial one first."""

    @abstractmethod
    def _irrep_data(self, label: str) -> IrrepData | None:
        """Size, frequency and type of an irrep; None when there is no such label."""

    @abstractmethod
    def _irrep_matrices(self, label: str, g: Array) -> Array:
        """(..., size, size): an irrep at elements g (..., d, d) that are known to belong to the group."""

    @abstractmethod
    def _distance(self, g: Array) -> Array:
        """(...): Frobenius distance of matrices g (..., d, d) to the nearest element."""

    @abstractmethod
    def _harmonic(self, degree: int) -> "Representation":
        """See `harmonic`."""

    @property
    @abstractmethod
    def trivial_subgroup(self) -> "Group":
        """The subgroup of the identity alone."""
