"""Names of elements in titles: they name the element and no other."""

import numpy as np
import pytest

import steer
from steer.plot._names import component_names, element_name, is_vector, some_elements

MIRROR = "mirror \N{UP TACK}"


@pytest.mark.parametrize(
    ("g", "name"),
    [
        (np.eye(2), "0°"),
        ([[0, -1], [1, 0]], "90°"),
        ([[0, 1], [-1, 0]], "270°"),
        ([[1, 0], [0, -1]], "mirror 0°"),
        ([[-1, 0], [0, 1]], "mirror 90°"),
        ([[0, 1], [1, 0]], "mirror 45°"),
        (np.eye(3), "0°"),
        (-np.eye(3), "inversion"),
        ([[0, -1, 0], [1, 0, 0], [0, 0, 1]], "90° z"),
        ([[0, 0, 1], [1, 0, 0], [0, 1, 0]], "120° (1,1,1)"),
        (np.diag([-1, -1, 1]), "180° z"),
        (np.diag([1, 1, -1]), f"{MIRROR} z"),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 1]], f"{MIRROR} (1,-1,0)"),
        ([[0, 1, 0], [-1, 0, 0], [0, 0, -1]], "inversion, 90° z"),
        ([[1]], ""),
    ],
)
def test_elements(g, name):
    assert element_name(np.array(g, dtype=float)) == name


@pytest.mark.parametrize(("name", "dim"), [("D8", 2), ("Oh", 3), ("D6d", 3), ("Ih", 3)])
def test_names_tell_elements_apart(name, dim):
    elements = steer.group(name, dim=dim).elements
    assert len({element_name(g) for g in elements}) == len(elements)


def test_components():
    D3 = steer.group("D3", dim=2)
    assert component_names(D3.trivial) == [""]
    assert component_names(D3.vector) == component_names(D3.irrep("E")) == ["x", "y"]
    assert component_names(D3.regular) == ["0°", "120°", "240°", "m 0°", "m 60°", "m 120°"]
    assert component_names(D3.quotient("D1")) == ["0°", "120°", "240°"]
    assert component_names(steer.group("C3", dim=3).regular) == ["0", "1", "2"]


def test_vectors_are_the_action_on_space():
    O3 = steer.group("O(3)", dim=3)
    assert is_vector(O3.irrep("1o"))
    assert not is_vector(O3.irrep("1e"))
    assert not is_vector(steer.group("C5", dim=2).irrep("E2"))


@pytest.mark.parametrize(("name", "dim"), [("C16", 2), ("O(2)", 2), ("O", 3), ("C2", 3), ("SO(3)", 3), ("Cinfv", 3)])
def test_some_elements_begin_with_the_identity(name, dim):
    G = steer.group(name, dim=dim)
    found = some_elements(G)
    assert len(found) == min(8, G.order)
    np.testing.assert_array_equal(found[0], np.eye(dim))
    assert G.contains(found).all()


def test_some_elements_of_a_continuous_product():
    G = steer.reps.direct_product(steer.group("SO(2)", dim=2), steer.group("C2", dim=2))
    found = some_elements(G)
    assert len(found) <= 8
    assert G.contains(found).all()
