"""What is solved and kept: a frozen value whose print says all that its solution depends on."""

import dataclasses
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
    def is_shared(self) -> bool:
        """Whether its print says all that the solution depends on: whether it is made of this package's classes alone.

        A group of one's own prints alike after its class has changed. Its solutions are kept by value, in one process.
        """
        return all(_is_of_library(getattr(self, field.name)) for field in dataclasses.fields(self))  # type: ignore[arg-type]

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


def _is_of_library(value: object) -> bool:
    """Whether a value, and all that it is made of, is of classes that this package defines."""
    if isinstance(value, tuple):
        return all(map(_is_of_library, value))
    if not isinstance(value, Frozen):
        return True  # a number or a text, which prints as what it is
    parts = (getattr(value, field.name) for field in dataclasses.fields(value))  # type: ignore[arg-type]
    return type(value).__module__.split(".")[0] == __name__.split(".")[0] and all(map(_is_of_library, parts))
