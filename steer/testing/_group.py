"""Whether a group of one's own is a group, and its irreps are all it has."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from .._values import EXACT, Array, require_count
from ..errors import GroupError
from ..reps import Group, Irrep


def assert_group(group: Group, *, max_frequency: int = 2, seed: int = 0) -> None:
    """Raise an AssertionError unless a group is one, with its irreps: for a family of your own.

    Elements are closed under products and inverses; those of a finite group are there once each, the identity first.
    They act on space by a homomorphism. Irreps are orthogonal, homomorphisms, irreducible, of the types they say, no
    two of them equivalent, the trivial one first; those of a finite group are all it has.

    Args:
        group: the group.
        max_frequency: of a continuous group, the highest frequency of the irreps that are checked.
        seed: of the random elements, for a continuous group and for one of more than 48 elements.

    Raises:
        AssertionError: what is wrong, and of which element or irrep.
        GroupError: `group` is not a group.

    Source:
        Serre, Linear Representations of Finite Groups (1977), section 2.3 for characters, 13.2 for types.

    Example:
        >>> import steer
        >>> steer.testing.assert_group(steer.group("D4", dim=2))
    """
    if not isinstance(group, Group):
        raise GroupError(f"group: expected a group such as steer.group('C4', dim=2), got {group!r}")
    max_frequency = require_count("max_frequency", max_frequency, GroupError)
    seed = require_count("seed", seed, GroupError)
    _assert_elements(group, seed)
    g = group.elements if group.order <= 48 else group.sample(12, seed)
    _assert_homomorphism(f"action of {group!r}", group.action, g, group.dim)
    irreps = group.irreps(None if group.is_finite else max_frequency)
    labels = [psi.label for psi in irreps]
    _demand(len(set(labels)) == len(labels), f"labels of {group!r}: expected distinct ones, got {', '.join(labels)}")
    for psi in irreps:
        _demand(psi.type in TYPES, f"type of {psi!r}: expected one of {', '.join(TYPES)}, got {psi.type!r}")
        _assert_homomorphism(repr(psi), psi, g, psi.size)
    first = irreps[0]
    _demand(
        first.size == 1 and bool((np.abs(first(g) - 1) < EXACT).all()) and first == group.trivial,
        f"labels of {group!r}: expected the trivial irrep first, got {first.label!r}",
    )
    _assert_irreps(group, irreps, 2 * max_frequency)


TYPES: Final = {"real": (1, 1), "complex": (2, 0), "quaternionic": (4, -2)}
"""Of a real irrep of each type, the mean of chi(g)^2, which is the dimension of its endomorphisms, and of chi(g^2)."""


def _demand(good: bool, message: str) -> None:
    if not good:
        raise AssertionError(message)


def _is_hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _assert_elements(group: Group, seed: int) -> None:
    """The elements are a group: of a continuous one, some of them are tried."""
    _demand(_is_hashable(group), f"fields of {group!r}: expected hashable values, such as tuples and no lists")
    size = group.element_size
    g = group.components
    _demand(
        isinstance(g, np.ndarray) and g.shape[1:] == (size, size) and len(g) > 0,
        f"components of {group!r}: expected an array of shape (n, {size}, {size}), got {type(g)}, {np.shape(g)}",
    )
    _demand(
        bool(np.abs(g[0] - np.eye(size)).max(initial=0.0) < EXACT),
        f"components of {group!r}: expected the identity first, got {g[0].tolist()}",
    )
    for name in ("generators", "identity_component"):
        _demand(bool(group.contains(getattr(group, name)).all()), f"{name} of {group!r}: some are not in the group")
    if group.is_finite:
        _demand(len(g) == group.order, f"order of {group!r}: {group.order}, but components lists {len(g)} elements")
    else:
        g = np.concatenate([g, group.sample(12, seed)])
    away = np.abs(g @ np.swapaxes(g, -2, -1) - np.eye(size)).max(axis=(1, 2))
    worst = int(np.argmax(away))
    _demand(bool(away[worst] < EXACT), f"element {worst} of {group!r} is not orthogonal: {g[worst].tolist()}")
    for i, left in enumerate(g):
        for what, found in (("product", left @ g), ("quotient", left @ np.swapaxes(g, -2, -1))):
            inside = group.contains(found)
            j = int(np.argmin(inside))
            _demand(
                bool(inside.all()), f"elements of {group!r}: the {what} of elements {i} and {j} is not in the group"
            )
        if group.is_finite:
            places = group.nearest_index(left @ g)
            _demand(
                len(set(places.tolist())) == len(g),
                f"elements of {group!r}: some are equal, since the products of element {i} with all do not differ",
            )


def _assert_homomorphism(name: str, matrices: Callable[[Array], npt.ArrayLike], g: Array, size: int) -> None:
    """Matrices are orthogonal, take any leading axes, and multiply as the elements g (n, d, d) do."""
    at = []
    for given in (g[0], g, g[:, None] @ g):
        shape = (*given.shape[:-2], size, size)
        try:
            found = np.asarray(matrices(given))
        except Exception as error:
            raise AssertionError(f"{name}: no matrices at elements {given.shape}: {error}") from error
        _demand(found.shape == shape, f"{name}: expected matrices {shape} at elements {given.shape}, got {found.shape}")
        at.append(found)
    _, single, pairs = at
    away = np.abs(single @ np.swapaxes(single, -2, -1) - np.eye(size)).max(axis=(1, 2), initial=0.0)
    worst = int(np.argmax(away))
    _demand(bool(away[worst] < EXACT), f"{name}: not orthogonal at g = {g[worst].tolist()}")
    wrong = np.abs(single[:, None] @ single - pairs).max(axis=(2, 3), initial=0.0)
    i, j = np.unravel_index(np.argmax(wrong), wrong.shape)
    _demand(
        bool(wrong[i, j] < EXACT),
        f"{name}: no homomorphism, rho(g) rho(h) is not rho(g h) for g = {g[i].tolist()}, h = {g[j].tolist()}",
    )


def _assert_irreps(group: Group, irreps: Sequence[Irrep], max_degree: int) -> None:
    """Representations are irreducible, of their types, inequivalent, and of a finite group all: by their characters."""
    nodes, weights = group.haar(0 if group.is_finite else max_degree)
    characters = np.stack([psi.character(nodes) for psi in irreps])
    products = characters * weights @ characters.T
    for i, psi in enumerate(irreps):
        found = float(products[i, i]), float(weights @ psi.character(nodes @ nodes))
        _demand(
            bool(np.allclose(found, TYPES[psi.type], atol=1e-6)),
            f"{psi!r}: no irrep of {psi.type} type, whose means of chi(g)^2 and chi(g^2) are {TYPES[psi.type]}; "
            f"they are ({found[0]:.3g}, {found[1]:.3g})",
        )
        for other in np.flatnonzero(np.abs(products[i, :i]) > 1e-6).tolist():
            raise AssertionError(f"irreps of {group!r}: {irreps[other].label!r} and {psi.label!r} are equivalent")
    if group.is_finite:
        total = sum(psi.size**2 // TYPES[psi.type][0] for psi in irreps)
        _demand(
            total == group.order,
            f"irreps of {group!r}: some are missing, size^2 / 1, 2 or 4 by type sums to {total}, not {group.order}",
        )
