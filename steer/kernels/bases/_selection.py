"""Some of the kernels that scalar functions make, chosen by their elements."""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ..._values import Array, as_tuple, is_integer, is_listing
from ...errors import KernelError
from ...reps import Group, Representation
from ..cache._descriptor import Descriptor
from ._functions import Aliasing, Element, ScalarFunctions, SolvedForm
from ._grid import Grid
from ._orbit import Orbit

NAMES = Element._fields[:-1]
"""What tells elements apart: not what is measured of their filters."""

BasisFilter = Callable[[Element], bool] | Iterable[Element]
"""Which kernels to keep: a predicate of their elements, or the elements."""


@dataclass(frozen=True)
class Selection(ScalarFunctions):
    """Scalar functions, of which some kernels alone are made: those whose element is among the given ones.

    It is what the argument `basis_filter` of convolutions, `compile` and `kernel_basis` comes to: a predicate is asked
    once, when the layer is built, and what it keeps is stored here. So the value compares, prints, pickles and
    fingerprints by the kernels that are kept, whatever function chose them. Pass one as `basis=` or `radial=` to build
    the same layer again.

    Args:
        functions: the scalar functions.
        elements: those of the kernels that are kept, in any order.

    Raises:
        KernelError: no scalar functions, or no elements.

    Example:
        >>> import steer
        >>> G = steer.group("C4", dim=2)
        >>> plan = steer.kernels.compile([G.trivial], [G.regular], (5, 5), basis_filter=lambda e: e.degree % 2 == 0)
        >>> plan.functions.functions, len(plan.functions.elements), plan.num_weights
        (Rings(radii=(0.0, 1.0, 2.0), widths=(0.6, 0.6, 0.45), limits=(0, 2, 3)), 7, 7)
    """

    functions: ScalarFunctions
    elements: tuple[Element, ...]

    def __post_init__(self) -> None:
        given: object = self.functions
        if not isinstance(given, ScalarFunctions) or isinstance(given, Selection):
            raise KernelError(
                f"functions: expected scalar functions such as steer.kernels.Rings.for_kernel((5, 5)), got {given!r}"
            )
        object.__setattr__(self, "elements", tuple(sorted(set(as_elements("elements", self.elements)))))

    def capped(self, max_frequency: int) -> "Selection":
        return Selection(self.functions.capped(max_frequency), self.elements)

    def count(self, dim: int) -> int:
        return self.functions.count(dim)

    def sample(self, points: npt.ArrayLike) -> Array:
        return self.functions.sample(points)

    def turned(self, group: Group, elements: Array, points: Array) -> Array:
        return self.functions.turned(group, elements, points)

    def action(self, group: Group, elements: Array) -> Array | None:
        return self.functions.action(group, elements)

    def names(self, dim: int) -> tuple[tuple[int, int, int], ...]:
        return self.functions.names(dim)

    def require(self, group: Group) -> None:
        self.functions.require(group)

    def quality(self, degree: int, ring: int) -> Aliasing | None:
        return self.functions.quality(degree, ring)

    @property
    def descriptors(self) -> tuple[Descriptor[Any], ...]:
        return self.functions.descriptors

    def form(self, in_rep: Representation, out_rep: Representation) -> SolvedForm:
        return cast(SolvedForm, selected(self.functions.form(in_rep, out_rep), self))

    @property
    def defined_on(self) -> Grid | None:
        return self.functions.defined_on

    @property
    def reaches_to(self) -> float:
        return self.functions.reaches_to

    @property
    def reach(self) -> str:
        return f"{self.functions.reach}, of those that basis_filter keeps,"

    @property
    def remedy(self) -> str:
        return f"a basis_filter that keeps more, or {self.functions.remedy}"


class SelectedForm:
    """Some of the kernels of a form.

    Args:
        whole: all of them.
        kept: which are left, in their order.
    """

    def __init__(self, whole: SolvedForm | Orbit, kept: npt.NDArray[np.intp]) -> None:
        self.whole, self.kept = whole, kept

    @property
    def descriptor(self) -> Descriptor[Any] | None:
        """What has to be solved: all of them."""
        return self.whole.descriptor

    @functools.cached_property
    def elements(self) -> tuple[Element, ...]:
        return tuple(self.whole.elements[index] for index in self.kept)

    @property
    def spectrum(self) -> Array:
        """(len, out, in, scalar function): of kernels that do not move along cosets."""
        assert not isinstance(self.whole, Orbit), "the kernels of cosets are no combinations of the functions at one"
        return self.whole.spectrum[self.kept]

    def sample(self, points: Array) -> Array:
        return self.whole.sample(points)[self.kept]

    def energies(self, points: Array) -> Array:
        return self.whole.energies(points)[self.kept]


def selected(form: SolvedForm | Orbit, selection: Selection) -> "SolvedForm | Orbit | SelectedForm":
    """Those of all kernels between two representations that are kept; the form itself if all are."""
    among = set(selection.elements)
    kept = np.array([index for index, each in enumerate(form.elements) if each.name in among], dtype=np.intp)
    return form if len(kept) == len(form.elements) else SelectedForm(form, kept)


def select(
    functions: ScalarFunctions, elements: Iterable[Element], basis_filter: BasisFilter | None
) -> ScalarFunctions:
    """The functions, with those of all elements that a filter keeps; the functions themselves if it keeps all.

    Args:
        functions: the scalar functions.
        elements: of all kernels that are made of them.
        basis_filter: which to keep.

    Raises:
        KernelError: no filter, one that keeps nothing, fails, or names elements that are not there.
    """
    if basis_filter is None:
        return functions
    names = dict.fromkeys(elements)
    if not names:  # nothing leads from the one type to the other, which is told elsewhere
        return functions
    kept = (
        [name for name in names if _keeps(basis_filter, name)]
        if callable(basis_filter)
        else _listed(basis_filter, names)
    )
    if not kept:
        degrees, rings = (sorted({getattr(name, key) for name in names}) for key in ("degree", "ring"))
        raise KernelError(
            f"basis_filter: it keeps none of {len(names)} kernels, whose degrees are {degrees} and rings {rings}; "
            f"keep some, or leave the layer out"
        )
    if len(kept) == len(names):
        return functions
    return Selection(functions.functions if isinstance(functions, Selection) else functions, tuple(kept))


def require_filter(basis_filter: object) -> None:
    """Raise a `KernelError` unless a filter is a function or elements, before anything is solved."""
    if basis_filter is not None and not callable(basis_filter):
        as_elements("basis_filter", basis_filter)


def as_elements(name: str, given: object) -> tuple[Element, ...]:
    """Elements, also as the tuples or lists that JSON makes of them.

    Raises:
        KernelError: they are not.
    """
    what = f"elements, as kernel_basis(...).elements are, of {len(NAMES)} entries {', '.join(NAMES)}"
    found = []
    for each in as_tuple(name, given, KernelError, what):
        values = tuple(each) if is_listing(each) else ()
        named, rest = values[: len(NAMES)], values[len(NAMES) :]  # what is measured is no part of the name
        whole = len(named) == len(NAMES) and len(values) <= len(Element._fields)
        if not whole or not isinstance(named[0], str) or not all(map(is_integer, named[1:])):
            raise KernelError(f"{name}: expected {what}, got {each!r}")
        if rest and not (rest[0] is None or is_listing(rest[0])):
            raise KernelError(f"{name}: expected {what}, got {each!r}")
        irrep, degree, ring, out_part, in_part, copy, multiplicity = named[0], *map(int, named[1:])
        found.append(Element(irrep, degree, ring, out_part, in_part, copy, multiplicity))
    if not found:
        raise KernelError(f"{name}: expected {what}, got none")
    return tuple(found)


def _keeps(predicate: Callable[[Element], bool], name: Element) -> bool:
    try:
        found: object = predicate(name)
    except Exception as error:
        raise KernelError(
            f"basis_filter: it fails for {name} ({type(error).__name__}: {error}); it takes an element with "
            f"{', '.join(Element._fields)}"
        ) from error
    if not isinstance(found, bool | np.bool_):
        raise KernelError(f"basis_filter: expected True or False for {name}, got {found!r}")
    return bool(found)


def _listed(given: Iterable[Element], names: Iterable[Element]) -> list[Element]:
    wanted, known = as_elements("basis_filter", given), {each.name for each in names}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise KernelError(
            f"basis_filter: there is no kernel {unknown[0]}; kernel_basis(...).elements has those there are"
        )
    return list(dict.fromkeys(wanted))
