"""Direct products with an internal group: pairs of elements, Haar measure, irreps by outer products."""

import itertools
import math
import re
from dataclasses import dataclass

import numpy as np
import pytest

import steer
from steer.errors import GroupError, RepresentationError
from steer.reps import Group, clebsch_gordan, direct_product
from steer.reps.theory._intertwiner import projected_intertwiners
from steer.reps.theory._representation import IrrepData
from tests.catalogue import (
    C2,
    C3,
    C4,
    C5,
    C6,
    C12,
    D3,
    D6,
    FINITE_PRODUCTS,
    PRODUCTS,
    SMALL_PRODUCTS,
    SO2,
    SO3,
    TOL,
    beside,
    elements,
    end_dimension,
    generators,
    group_id,
    irreps,
    turn,
)

# Elements -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_elements_are_pairs_of_which_the_first_moves_space(product):
    first, second = product.first, product.second
    assert product.order == first.order * second.order
    assert product.element_size == first.element_size + second.element_size
    assert product.dim == first.dim
    n = first.element_size
    for g in (elements(product), product.components, generators(product), product.haar(2)[0]):
        assert product.contains(g).all()
        assert first.contains(g[:, :n, :n]).all()
        assert second.contains(g[:, n:, n:]).all()
        assert not g[:, :n, n:].any()
        assert not g[:, n:, :n].any()
        np.testing.assert_array_equal(product.action(g), first.action(g[:, :n, :n]))
        np.testing.assert_array_equal(product.vector(g), product.action(g))
    assert len(product.components) == len(first.components) * len(second.components)
    np.testing.assert_array_equal(product.components[0], np.eye(product.element_size))
    moved = product.frame @ product.standard.generators @ product.frame.T
    assert product.contains(moved).all()


@pytest.mark.parametrize("product", FINITE_PRODUCTS, ids=group_id)
def test_a_finite_product_has_all_pairs(product):
    pairs = [beside(g, h) for g in product.first.elements for h in product.second.elements]
    np.testing.assert_array_equal(product.elements, pairs)
    assert len(product.conjugacy_classes) == len(product.first.conjugacy_classes) * len(
        product.second.conjugacy_classes
    )


def test_distance_adds_up_the_squares_of_all_blocks():
    product = direct_product(SO2, C4)
    off = np.array([[0.0, 0, 0.1, 0], [0, 0, 0, -0.2], [0.3, 0, 0, 0], [0, 0.2, 0, 0]])
    g = beside(1.2 * turn(0.3), 0.9 * np.eye(2)) + off
    expected = math.sqrt(np.sum(off**2) + 2 * 0.2**2 + 2 * 0.1**2)
    assert abs(product._distance(g) - expected) < TOL
    assert not product.contains(g)
    assert not product.contains(beside(turn(0.3), turn(0.3)))
    assert not product.contains(np.full((4, 4), np.nan))


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_haar_is_a_probability_measure_that_integrates_products_of_irreps(product):
    nodes, weights = product.haar(4)
    assert (weights > 0).all()
    assert abs(weights.sum() - 1) < TOL
    assert nodes.shape == (len(weights), product.element_size, product.element_size)
    # the mean of a nontrivial irrep vanishes; of pairs of irreps it is compared with a finer quadrature
    finer, fine = product.haar(7)
    for psi in product.irreps(None if product.is_finite else 4)[:40]:
        np.testing.assert_allclose(np.tensordot(weights, psi(nodes), 1), float(psi.is_trivial), atol=TOL)
    for a, b in itertools.product(irreps(product)[:6], repeat=2):
        coarse = np.einsum("n,nij,nkl->ijkl", weights, a(nodes), b(nodes))
        np.testing.assert_allclose(coarse, np.einsum("n,nij,nkl->ijkl", fine, a(finer), b(finer)), atol=TOL)


def test_samples_of_the_factors_are_independent():
    # the correlation of two frequencies over 4000 samples is 0 with standard deviation 1 / sqrt(8000), about 0.011
    product = direct_product(SO2, SO2)
    g = product.sample(4000, seed=5)
    np.testing.assert_array_equal(g, product.sample(4000, seed=5))
    assert np.abs(np.mean(g[:, 0, 0] * g[:, 2, 2])) < 0.06
    assert np.abs(np.mean(g[:, 0, 0] * g[:, 3, 2])) < 0.06


# Irreps ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_irreps_are_orthogonal_homomorphisms(product):
    g, h = elements(product, 8)[:24], product.sample(24, seed=3)[: len(elements(product, 8))]
    identity = np.eye(product.element_size)
    for psi in irreps(product):
        eye = np.broadcast_to(np.eye(psi.size), (len(g), psi.size, psi.size))
        np.testing.assert_allclose(psi(g) @ psi(g).transpose(0, 2, 1), eye, atol=TOL)
        np.testing.assert_allclose(psi(g) @ psi(h), psi(g @ h), atol=TOL)
        np.testing.assert_allclose(psi(identity), eye[0], atol=TOL)
        assert psi(g[:0]).shape == (0, psi.size, psi.size)
        assert psi(g[None]).shape == (1, len(g), psi.size, psi.size)


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_characters_are_orthogonal_and_types_are_frobenius_schur_indicators(product):
    nodes, weights = product.haar(4)
    found = np.stack([psi.character(nodes) for psi in irreps(product)])
    np.testing.assert_allclose((found * weights) @ found.T, np.diag([*map(end_dimension, irreps(product))]), atol=TOL)
    for psi in irreps(product):
        indicator = float(weights @ psi.character(nodes @ nodes))
        assert abs(indicator - {"real": 1, "complex": 0, "quaternionic": -2}[psi.type]) < TOL


@pytest.mark.parametrize("product", FINITE_PRODUCTS, ids=group_id)
def test_irreps_are_all_there_are(product):
    assert sum(psi.size**2 // end_dimension(psi) for psi in product.irreps()) == product.order
    classes = product.conjugacy_classes
    inverse = product.nearest_index(product.elements.transpose(0, 2, 1))
    real = {frozenset({*found, *inverse[list(found)].tolist()}) for found in classes}
    assert len(product.irreps()) == len(real)


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_outer_products_are_the_irreps_that_their_label_names(product):
    nodes = product.haar(4)[0]
    n = product.first.element_size
    count = 0
    for a, b in itertools.product(irreps(product.first, 2)[:6], irreps(product.second, 2)[:6]):
        outer = product.inflate(a, "first").tensor(product.inflate(b, "second"))
        expected = a.character(nodes[:, :n, :n]) * b.character(nodes[:, n:, n:])
        np.testing.assert_allclose(outer.character(nodes), expected, atol=TOL)
        both = a.type == b.type == "complex"
        named = [product.irrep(f"({a.label}, {b.label}){sign}") for sign in (("+", "-") if both else ("",))]
        assert sum(psi.size for psi in named) == outer.size
        np.testing.assert_allclose(sum(psi.character(nodes) for psi in named), expected, atol=TOL)
        if not both:  # the matrices are the Kronecker product, second factor fastest
            np.testing.assert_array_equal(named[0](nodes), outer(nodes))
        count += len(named)
    assert count <= len(product.irreps(None if product.is_finite else 4))


def test_labels_and_frequencies():
    assert [psi.label for psi in direct_product(C3, C4).irreps()] == [
        "(A, A)",
        "(A, E)",
        "(A, B)",
        "(E, A)",
        "(E, E)+",
        "(E, E)-",
        "(E, B)",
    ]
    assert [psi.frequency for psi in direct_product(C3, C4).irreps()] == [0, 1, 2, 1, 2, 2, 3]
    assert [psi.label for psi in direct_product(SO3, C2).irreps(1)] == ["(0, A)", "(0, B)", "(1, A)", "(1, B)"]
    assert [psi.label for psi in direct_product(SO2, SO2).irreps(1)] == ["(0, 0)", "(0, 1)", "(1, 0)"]
    assert direct_product(SO2, SO2).irrep("(3, 2)-").frequency == 5
    assert direct_product(SO2, C5).irrep("(3,E2)-") == direct_product(SO2, C5).irrep("(3, E2)-")
    assert direct_product(SO2, C5).irrep("(3, E2)-").frequency == 3
    nested = direct_product(direct_product(C3, C4), SO2)
    assert nested.irrep("((E, E)-, 2)+").size == 2
    assert direct_product(steer.group("Cinfv", dim=3), C2).irrep("(Pi, B)").label == "(E1, B)"
    for product in PRODUCTS:
        found = irreps(product)
        assert len({psi.label for psi in found}) == len(found)
        assert found[0] == product.trivial
        assert all(
            product.irreps(bound) == tuple(p for p in found if p.frequency <= bound)
            for bound in range(found[-1].frequency + 1)
        )


def test_signs_say_whether_the_angles_add_up():
    product = direct_product(SO2, SO2)
    s, t = 0.7, -1.9
    g = beside(turn(s), turn(t))
    for k, m in itertools.product(range(1, 4), repeat=2):
        assert abs(product.irrep(f"({k}, {m})+").character(g) - 2 * math.cos(k * s + m * t)) < TOL
        assert abs(product.irrep(f"({k}, {m})-").character(g) - 2 * math.cos(k * s - m * t)) < TOL


def same_characters(product, image, group):
    """Whether (g, h) -> image(g, h) pulls the irreps of `group` back to those of the product, one to one."""
    n = product.first.element_size
    nodes = product.elements if product.is_finite else product.sample(40, seed=0)
    images = np.stack([image(g[:n, :n], g[n:, n:]) for g in nodes])
    ours = np.stack([psi.character(nodes) for psi in irreps(product)])
    theirs = np.stack([psi.character(images) for psi in irreps(group, 2)])
    equal = np.abs(ours[:, None] - theirs).max(-1) < TOL
    return equal.shape[0] == equal.shape[1] and (equal.sum(0) == 1).all() and (equal.sum(1) == 1).all()


def test_products_that_are_groups_of_the_catalogue():
    def power(g, n):
        return np.linalg.matrix_power(g, n)

    assert same_characters(direct_product(C3, C4), lambda g, h: g @ h, C12)
    assert same_characters(direct_product(C2, C3), lambda g, h: g @ h, C6)
    assert same_characters(direct_product(C4, C3), lambda g, h: g @ power(h, 2), C12)
    assert same_characters(direct_product(D3, C2), lambda g, h: g @ h, D6)
    for name, inverted in (("SO(3)", "O(3)"), ("O", "Oh"), ("T", "Th"), ("C4", "C4h"), ("D6", "D6h")):
        group, whole = steer.group(name, dim=3), steer.group(inverted, dim=3)
        assert same_characters(direct_product(group, C2), lambda g, h: g * h[0, 0], whole)


def test_frames_of_clebsch_gordan_are_those_of_the_projector():
    for product in (
        SMALL_PRODUCTS[13],
        FINITE_PRODUCTS[-5],
        FINITE_PRODUCTS[-2],
        direct_product(SO3, C2),
        direct_product(SO2, SO2),
    ):
        for a, b, c in itertools.product(irreps(product)[-5:], irreps(product)[1:5], irreps(product)[:6]):
            found = clebsch_gordan(a, b, c)
            expected = projected_intertwiners(a.tensor(b), c).reshape(found.shape)
            np.testing.assert_allclose(found, expected, atol=TOL)


# Quaternionic type ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quaternions(Group):
    """The group {+-1, +-i, +-j, +-k} by left multiplication on R^4, with the irrep "H" of quaternionic type."""

    name = "Q8"
    dim = 4
    order = 8
    standard = trivial_subgroup = None
    frame = np.eye(4)
    identity_component = np.zeros((0, 4, 4))
    i = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]])
    j = np.array([[0.0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]])
    generators = np.stack([i, j])
    components = np.stack([s * m for m in (np.eye(4), i, j, i @ j) for s in (1, -1)])

    def haar(self, max_degree=0):
        return self.components, np.full(8, 1 / 8)

    def sample(self, n, seed=0):
        return self.components[np.random.default_rng(seed).integers(8, size=n)]

    def subgroup(self, name, **where):
        raise GroupError(name)

    def subgroups(self, max_order=12):
        return ()

    def _labels(self, max_frequency):
        return ("A", "H")  # and three more of one component

    def _irrep_data(self, label):
        return {
            "A": IrrepData(1, 0, "real", lambda g: np.ones((*g.shape[:-2], 1, 1))),
            "H": IrrepData(4, 1, "quaternionic", lambda g: g),
        }.get(label)

    def _distance(self, g):
        return np.linalg.norm(g - self.components[self.nearest_index(g)], axis=(-2, -1))

    def _harmonic(self, degree):
        raise RepresentationError("degree")


def test_quaternionic_times_real_is_quaternionic_and_times_others_is_refused():
    product = direct_product(Quaternions(), D3)
    nodes, weights = product.haar()
    for label, size in (("(H, A2)", 4), ("(H, E)", 8)):
        psi = product.irrep(label)
        assert psi.size == size
        assert psi.type == "quaternionic"
        assert abs(weights @ psi.character(nodes) ** 2 - 4) < TOL
        assert abs(weights @ psi.character(nodes @ nodes) + 2) < TOL
    assert direct_product(C2, Quaternions()).irrep("(B, H)").type == "quaternionic"
    for other, label in ((C3, "(H, E)"), (Quaternions(), "(H, H)")):
        with pytest.raises(RepresentationError, match=re.escape("one of the two must be of real type")):
            direct_product(Quaternions(), other).irrep(label)
