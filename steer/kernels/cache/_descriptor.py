"""What is solved and kept: a frozen value whose print says all that its solution depends on."""

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from ..._values import Array, Frozen
from ...reps import Group

Value = TypeVar("Value")


class Descriptor(Frozen, ABC, Generic[Value]):
    """A problem with one solution, the same on every machine; its print is what the fingerprint hashes.

    A solution goes to a file as named float64 arrays and lines of text, and comes back bit for bit.
    """

    @property
    @abstractmethod
    def group(self) -> Group:
        """The symmetry group: problems of one group share its tables, so they are best solved by one process."""

    @property
    @abstractmethod
    def cost(self) -> float:
        """What solving takes, roughly and in no unit: to start with the longest."""

    @abstractmethod
    def compute(self) -> Value:
        """Solve the problem.

        Returns:
            The solution.
        """

    @abstractmethod
    def to_arrays(self, value: Value) -> tuple[dict[str, Array], dict[str, str]]:
        """A solution as arrays and texts, for a file.

        Args:
            value: the solution.

        Returns:
            Arrays and lines of text, by name.
        """

    @abstractmethod
    def from_arrays(self, arrays: dict[str, Array], texts: dict[str, str]) -> Value:
        """The solution back from those.

        Args:
            arrays: what `to_arrays` gave.
            texts: the same.

        Returns:
            The solution.

        Raises:
            ValueError, KeyError: they are not those of a solution of this descriptor.
        """
