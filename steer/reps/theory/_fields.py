"""Lists of representations: direct sums of fields, each with its own channels."""

import functools
import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import numpy.typing as npt

from ..._names import missing
from ..._values import Array, Frozen, as_tuple, frozen, is_integer, require_ordered
from ...errors import FieldTypeError, GroupError
from ._group import Group
from ._intertwiner import intertwiners
from ._representation import DirectSum, Representation, Restriction


def _invariant_vectors(rep: Representation) -> Array:
    """(n, size): the invariant vectors of a representation, largest component 1."""
    vectors = intertwiners(rep.group.trivial, rep)[:, :, 0]
    sizes = np.abs(vectors)
    largest = np.argmax(sizes > sizes.max(axis=1, keepdims=True) - 1e-9, axis=1)
    return np.asarray(vectors / vectors[np.arange(len(vectors)), largest, None])


def _listed(index: object) -> list[Any]:
    """The entries of a list, or of an array or tensor of one axis; anything else by itself."""
    if isinstance(index, list):
        return [entry.item() if isinstance(entry, np.generic) else entry for entry in index]
    if getattr(index, "ndim", None) == 1 and hasattr(index, "tolist"):  # also of torch, which is not known here
        return list(index.tolist())
    return [index]


@dataclass(frozen=True, repr=False, init=False)
class Fields(Frozen):
    """A list of fields, each a representation of one group on its own channels, equal by value.

    Field i has the channels offsets[i] to offsets[i + 1]. Lists add by ``+``, ``len(t)`` counts fields, ``t[i]`` is a
    representation; ``t[1:3]``, ``t[[2, 0]]`` and ``t[mask]`` are lists. `steer.nn.FieldType` is one that knows of
    tensors.

    Args:
        group: the symmetry group.
        representations: one for each field, in the order of the channels, e.g. ``16 * [group.regular]``.

    Attributes:
        group: the symmetry group.
        representations: one for each field.
        size: number of channels.
        offsets: first channel of each field, then `size`.

    Raises:
        FieldTypeError: no field, one that is not a representation of `group`, or a set or dictionary of them.

    Example:
        >>> import steer
        >>> G = steer.group("C4", dim=2)
        >>> t = steer.reps.Fields(G, [G.trivial, G.vector] + 2 * [G.regular])
        >>> t.size, t.offsets
        (11, (0, 1, 3, 7, 11))
        >>> [(rep.name, count) for rep, count in t.multiplicities.items()]
        [('A', 1), ('vector', 1), ('regular', 2)]
    """

    group: Group
    representations: tuple[Representation, ...]
    size: int = field(compare=False)  # number of channels
    offsets: tuple[int, ...] = field(compare=False)  # first channel of each field, then `size`

    def __init__(self, group: Group, representations: Iterable[Representation]) -> None:
        if not isinstance(group, Group):
            raise FieldTypeError(f"group: expected a group such as steer.group('C8', dim=2), got {group!r}")
        if isinstance(representations, Representation):
            raise FieldTypeError(
                f"representations: expected a list with one representation for each field, got the single "
                f"{representations!r}; write [representation] or 16 * [representation]"
            )
        require_ordered("representations", representations, FieldTypeError)
        fields = as_tuple(
            "representations", representations, FieldTypeError, "a list with one representation for each field"
        )
        if not fields:
            raise FieldTypeError("representations: expected at least one field, got an empty list")
        for index, rep in enumerate(fields):
            if not isinstance(rep, Representation):
                raise FieldTypeError(
                    f"representations[{index}]: expected a representation such as group.regular, got {rep!r}"
                )
            if rep.group != group:
                raise FieldTypeError(
                    f"representations[{index}]: {rep!r} is a representation of {rep.group!r}, the type's group is "
                    f"{group!r}; restrict it with .restrict(subgroup), or build the type with its group"
                )
        object.__setattr__(self, "group", group)
        object.__setattr__(self, "representations", fields)
        # plain attributes, because layers read them when they run and torch.compile cannot trace a cached property
        # before it is filled
        object.__setattr__(self, "offsets", (0, *itertools.accumulate(rep.size for rep in fields)))
        object.__setattr__(self, "size", self.offsets[-1])

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.group, self.representations)

    @functools.cached_property
    def kinds(self) -> Mapping[Representation, tuple[int, ...]]:
        """The distinct representations in the order of their first fields, each with the numbers of its fields."""
        found: dict[Representation, list[int]] = {}
        for index, rep in enumerate(self.representations):
            found.setdefault(rep, []).append(index)
        return MappingProxyType({rep: tuple(where) for rep, where in found.items()})

    @property
    def multiplicities(self) -> dict[Representation, int]:
        """How often each of the distinct representations occurs, in the order of their first fields."""
        return {rep: len(where) for rep, where in self.kinds.items()}

    @property
    def starts(self) -> dict[Representation, list[int]]:
        """The first channels of the fields of each of the distinct representations."""
        return {rep: [self.offsets[index] for index in where] for rep, where in self.kinds.items()}

    @functools.cached_property
    def kind_of_field(self) -> tuple[int, ...]:
        """The kind of each field, as its place in `kinds`."""
        places = {rep: place for place, rep in enumerate(self.kinds)}
        return tuple(places[rep] for rep in self.representations)

    @functools.cached_property
    def field_of_channel(self) -> npt.NDArray[np.int64]:
        """The field that each channel belongs to, (size,), integers."""
        out = np.repeat(np.arange(len(self)), [rep.size for rep in self.representations])
        out.setflags(write=False)
        return out

    @property
    def runs(self) -> tuple[tuple[Representation, int], ...]:
        """Neighbours of one representation as (representation, number of fields)."""
        return tuple((rep, len(list(same))) for rep, same in itertools.groupby(self.representations))

    @property
    def summands(self) -> Self:
        """The same channels, with each direct sum taken apart into its summands."""
        return type(self)(self.group, [part for rep in self.representations for part in rep.summands])

    @property
    def representation(self) -> Representation:
        """The representation on all channels: the direct sum of the fields."""
        return self.representations[0] if len(self) == 1 else DirectSum(self.representations)

    @property
    def invariants(self) -> Array:
        """The invariant vectors of all fields, (size, n), one a column, mutually orthogonal, largest component 1.

        A bias or a mean may only lie in their span. A regular or quotient field has the one column (1, ..., 1).
        """
        index, values = self.invariant_rows
        out = np.zeros((self.size, self.num_invariants))
        channel, slot = np.nonzero(values)
        out[channel, index[channel, slot]] = values[channel, slot]
        return frozen(out)

    @functools.cached_property
    def num_invariants(self) -> int:
        """Number n of the invariant vectors of all fields."""
        return sum(count * len(_invariant_vectors(rep)) for rep, count in self.summands.multiplicities.items())

    @functools.cached_property
    def invariant_rows(self) -> tuple[npt.NDArray[np.int64], Array]:
        """The matrix `invariants` without its zeros, row by row: (size, k) columns of entries, and (size, k) entries.

        With k the number of invariant vectors of the field that has most of them, 1 unless one has several; rows with
        fewer end in zeros. Of many fields it is far smaller than the matrix.
        """
        parts = self.summands
        found = {rep: _invariant_vectors(rep) for rep in parts.kinds}
        counts = [len(found[rep]) for rep in parts]
        first = np.cumsum([0, *counts])
        index = np.zeros((self.size, max(counts)), dtype=np.int64)
        values = np.zeros(index.shape)
        for rep, fields in parts.kinds.items():
            number = np.arange(len(found[rep]))
            channels = np.array(parts.offsets)[list(fields), None] + np.arange(rep.size)  # (field, component)
            index[channels[:, :, None], number] = first[list(fields), None, None] + number
            values[channels[:, :, None], number] = found[rep].T
        index.setflags(write=False)
        return index, frozen(values)

    @property
    def is_uniform(self) -> bool:
        """Whether all fields have one representation."""
        return len(self.kinds) == 1

    def argsort(self) -> list[int]:
        """The numbers of the fields in the order of `sorted`, for `steer.nn.Reorder` or ``f[:, t.argsort()]``.

        Returns:
            A number for each field.
        """
        ranks = {rep: (rep.size, rep.name, repr(rep)) for rep in self.kinds}
        return sorted(range(len(self)), key=lambda index: ranks[self.representations[index]])

    def sorted(self) -> Self:
        """The same fields by size, then by name; those of one representation are neighbours, in the order they had.

        Returns:
            The list in another order.
        """
        return self[self.argsort()]

    def group_by_labels(self, labels: Iterable[Hashable]) -> dict[Any, Self]:
        """The fields with each of several labels, as lists of their own.

        Args:
            labels: one for each field.

        Returns:
            The fields of each label, by label, in the order of their first fields.

        Raises:
            FieldTypeError: another number of labels than of fields, or one that does not hash.
        """
        given = as_tuple("labels", labels, FieldTypeError, f"a list with one label for each of {len(self)} fields")
        if len(given) != len(self):
            raise FieldTypeError(f"labels: expected one for each of the {len(self)} fields of {self}, got {len(given)}")
        found: dict[Any, list[int]] = {}
        for index, label in enumerate(given):
            if not isinstance(label, Hashable):
                raise FieldTypeError(f"labels[{index}]: expected what can be the key of a dictionary, got {label!r}")
            found.setdefault(label, []).append(index)
        return {label: self[where] for label, where in found.items()}

    def restrict(self, subgroup: Group | str) -> Self:
        """The same channels, seen as a type of a subgroup.

        Args:
            subgroup: a subgroup of the type's group or its name.

        Returns:
            A type of the subgroup, of the same size.

        Raises:
            GroupError: not a subgroup, or one that moves space otherwise.
        """
        found = self.group.subgroup(subgroup) if isinstance(subgroup, str) else subgroup
        fields = [rep.restrict(found) for rep in self.representations]
        if not self.group._moves_alike(found):
            raise GroupError(
                f"subgroup: {found!r} moves space otherwise than as a part of {self.group!r}; "
                f"get one that moves it alike with {self.group!r}.subgroup(name)"
            )
        return type(self)(found, fields)

    def __len__(self) -> int:
        return len(self.representations)

    def __iter__(self) -> Iterator[Representation]:
        return iter(self.representations)

    @overload
    def __getitem__(self, index: int) -> Representation: ...
    @overload
    def __getitem__(self, index: slice | Sequence[int] | npt.NDArray[np.generic]) -> Self: ...
    def __getitem__(self, index: int | slice | Sequence[int] | npt.NDArray[np.generic]) -> Representation | Self:
        chosen = self._selected(index)
        if is_integer(index):
            return self.representations[chosen[0]]
        return type(self)(self.group, [self.representations[field] for field in chosen])

    def _selected(self, index: object) -> list[int]:
        """The numbers, from 0, of the fields that an index selects: an integer, a slice, a list of them, or a mask.

        Raises:
            FieldTypeError: it is of another kind, a mask of another length, or selects none.
            IndexError: there is no such field.
        """
        count = len(self)
        if isinstance(index, slice):
            found = list(range(count)[index])
        else:
            fields = [index] if is_integer(index) else _listed(index)
            if fields and all(isinstance(field, bool) for field in fields):
                if len(fields) != count:
                    raise FieldTypeError(
                        f"index: expected a mask with one boolean for each of the {count} fields of {self}, got "
                        f"{len(fields)}"
                    )
                fields = [number for number, chosen in enumerate(fields) if chosen]
            if not all(is_integer(field) for field in fields):
                raise FieldTypeError(
                    f"index: fields are selected by an integer, a slice or a list of integers, or a mask, got "
                    f"{index!r}; index f.tensor for single channels"
                )
            beyond = [field for field in fields if not -count <= field < count]
            if beyond:
                raise IndexError(f"index: there is no field {beyond[0]} in {self}, which has {count}")
            found = [int(field) % count for field in fields]
        if not found:
            raise FieldTypeError(f"index: {index!r} selects none of the {count} fields of {self}")
        return found

    def __add__(self, other: Self) -> Self:
        if not isinstance(other, type(self)):
            return NotImplemented
        if self.group != other.group:
            raise FieldTypeError(f"+: both types must be of one group, got {self.group!r} and {other.group!r}")
        return type(self)(self.group, self.representations + other.representations)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing(type(self).__name__, name, dir(type(self)))

    def __repr__(self) -> str:
        fields = " + ".join(f"{count} * [{rep!r}]" if count > 1 else f"[{rep!r}]" for rep, count in self.runs)
        return f"{type(self).__name__}({self.group!r}, {fields})"

    def __str__(self) -> str:
        counts: dict[str, int] = {}
        for rep in self.representations:
            counts[rep.name] = counts.get(rep.name, 0) + 1
        fields = " + ".join(f"{count} {name}" if count > 1 else name for name, count in counts.items())
        restricted = any(isinstance(rep, Restriction) for rep in self.kinds)  # whose names end with their own group
        return f"{fields}{', as fields' if restricted else ''} of {self.group.name} ({self.size} channels)"
