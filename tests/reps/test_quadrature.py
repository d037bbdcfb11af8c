"""Quadratures on groups and cosets: exact to their degree and not above, symmetric, and of the promised sizes."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest

import steer
from steer.errors import GroupError
from steer.reps import direct_product, harmonics, with_action
from steer.reps.analysis._point_sets import LEBEDEV
from steer.reps.analysis._quadrature import quadrature
from tests.catalogue import O2, O3, SO2, SO3, TOL, group_id, pair_id

PHI = (1 + math.sqrt(5)) / 2
AXIAL = [steer.group(name, dim=3) for name in ("Cinf", "Cinfv", "Cinfh", "Dinf", "Dinfh")]
TILTED_AXIAL = [O3.subgroup("Cinfv", axis=(0, 1, 1)), O3.subgroup("Dinfh", axis="x")]
CIRCULAR = [SO2, O2, *AXIAL, *TILTED_AXIAL]
CONTINUOUS = [*CIRCULAR, SO3, O3]
FINITE = [steer.group("D4", dim=2), *(steer.group(name, dim=3) for name in ("O", "Ih", "C3h", "T", "D6d"))]

VERTEX = SO3.subgroup("Cinf", axis=(0, 1, PHI))
"""The rotations about a vertex of the icosahedron."""

SPHERES = [
    *((SO3, SO3.subgroup(name)) for name in ("Cinf", "Dinf", "C3", "D3", "T", "O", "I")),
    *((O3, O3.subgroup(name)) for name in ("Cinf", "Cinfv", "Cinfh", "Dinfh", "Cs", "S4", "D3d", "Oh", "Td", "Ih")),
    (SO3, VERTEX),
    (SO3, SO3.subgroup("D3", axis=(1, 2, 3), secondary=0.4)),
    (O3, O3.subgroup("I", axis=(1, 2, 3), secondary=0.4)),
]
CIRCLES = [
    *((SO2, SO2.subgroup(name)) for name in ("C1", "C3")),
    *((O2, small) for small in (O2.subgroup("C2"), O2.subgroup("D1", axis=0.3), O2.subgroup("D3", axis=1.0))),
    *((group, small) for group in AXIAL for small in group.subgroups(3)[1:4] if small.is_finite),
]
INFINITE = [*((group, group.trivial_subgroup) for group in CONTINUOUS), *SPHERES, *CIRCLES]
FINITE_INDEX = [
    (O2, O2.subgroup("SO(2)")),
    (O3, O3.subgroup("SO(3)")),
    (SO3, SO3),
    (steer.group("Dinfh", dim=3), steer.group("Cinf", dim=3)),
    *((group, small) for group in FINITE for small in group.subgroups()[::3]),
]


def haar_error(rule, degree):
    """The largest entry of the mean of psi(g) minus its integral, at the projection on vectors fixed by H."""
    errors = [0.0]
    nodes, weights = rule.subgroup.haar(max(0, min(degree, 99)))
    for psi in rule.group.irreps(None if rule.group.is_finite else max(degree, 0)):
        if psi.frequency > degree:
            continue
        projector = np.einsum("n,nij->ij", weights, psi(nodes))
        mean = np.einsum("n,nij->ij", rule.weights, psi(rule.elements))
        errors.append(np.abs((mean - psi.is_trivial) @ projector).max())
    return max(errors)


def assert_exact(rule, degree):
    """The rule is a probability measure on elements of the group, and integrates irreps up to a degree."""
    assert rule.elements.shape == (len(rule), rule.group.element_size, rule.group.element_size)
    assert rule.group.contains(rule.elements).all()
    assert (rule.weights > 0).all()
    assert abs(rule.weights.sum() - 1) < TOL
    assert haar_error(rule, degree) < TOL


def assert_symmetric(rule, symmetry):
    """Each generator of a group permutes the cosets of the nodes, which are all different, and keeps their weights."""
    assert_without_repetition(rule)
    for g in symmetry.generators:
        for image, weight in zip(g @ rule.elements, rule.weights, strict=True):
            (same,) = np.flatnonzero(rule.subgroup.contains(image.T @ rule.elements))
            assert abs(rule.weights[same] - weight) < TOL


def assert_without_repetition(rule):
    """No two nodes lie in one coset."""
    products = np.swapaxes(rule.elements, 1, 2)[:, None] @ rule.elements
    assert rule.subgroup.contains(products).sum() == len(rule)


@pytest.mark.parametrize("degree", [0, 1, 4, 7])
@pytest.mark.parametrize("pair", INFINITE, ids=pair_id)
def test_every_irrep_is_integrated_to_the_degree(pair, degree):
    group, small = pair
    for kind in ("product", "lebedev") if group in (SO3, O3) else ("product",):
        rule = quadrature(group, degree, subgroup=small, kind=kind)
        assert rule.degree == degree
        assert_exact(rule, degree)
        assert rule.error(degree) < TOL


@pytest.mark.parametrize("pair", FINITE_INDEX, ids=pair_id)
def test_finitely_many_cosets_are_all_nodes(pair):
    group, small = pair
    for kind in ("product", "lebedev") if group in (SO3, O3) else ("product",):
        rule = quadrature(group, subgroup=small, kind=kind)
        assert rule.degree == math.inf
        assert len(rule) == len(group.components) // len(small.components)
        assert_without_repetition(rule)
        assert_exact(rule, 8)


@pytest.mark.parametrize("group", CONTINUOUS, ids=group_id)
def test_on_a_group_the_product_rule_is_its_haar_quadrature(group):
    for degree in (0, 3, 4):
        rule, (nodes, weights) = quadrature(group, degree), group.haar(degree)
        at = np.linalg.norm(rule.elements[:, None] - nodes, axis=(-2, -1)).argmin(axis=1)
        assert sorted(at) == list(range(len(nodes)))
        np.testing.assert_allclose(rule.elements, nodes[at], atol=TOL)
        np.testing.assert_allclose(rule.weights, weights[at], atol=TOL)


@pytest.mark.parametrize("kind", ["product", "lebedev"])
def test_moments_of_the_entries_of_rotations(kind):
    # an entry of a Haar-distributed rotation is uniform between -1 and 1
    for degree in (2, 5, 8):
        rule = quadrature(SO3, degree, kind=kind)
        for power in range(degree + 1):
            expected = 1 / (power + 1) if power % 2 == 0 else 0.0
            found = np.einsum("n,nij->ij", rule.weights, rule.elements**power)
            np.testing.assert_allclose(found, np.full((3, 3), expected), atol=TOL)


@pytest.mark.parametrize("degree", [4, 17, 23, 35, 59])
@pytest.mark.parametrize("kind", ["product", "lebedev"])
def test_monomials_on_the_sphere(kind, degree):
    # Folland, Amer. Math. Monthly 108 (2001) 446: a product of gamma functions, 0 if an exponent is odd
    rule = quadrature(SO3, degree, subgroup="Cinf", kind=kind)
    for a, b in itertools.product(range(0, degree + 1, 3), range(0, degree + 1, 2)):
        for c in {0, 1, (degree - a - b) // 2, degree - a - b} & set(range(degree + 1 - a - b)):
            logarithm = sum(math.lgamma((k + 1) / 2) for k in (a, b, c)) - math.lgamma((a + b + c + 3) / 2)
            exact = 0.0 if a % 2 or b % 2 or c % 2 else math.exp(logarithm) / (2 * math.pi)
            assert abs(rule.weights @ np.prod(rule.elements[:, :, 2] ** [a, b, c], axis=1) - exact) < TOL


def test_every_lebedev_rule_is_exact_to_its_degree():
    # the zonal harmonics about two directions in general position, by Legendre's recursion
    axes = np.array([[1, 2, 3], [-0.3, 0.1, 0.7]]) / np.sqrt([[14], [0.59]])
    for degree in LEBEDEV:
        rule = quadrature(SO3, degree, subgroup="Cinf", kind="lebedev")
        values = np.polynomial.legendre.legvander(rule.elements[:, :, 2] @ axes.T, degree)
        np.testing.assert_allclose(np.tensordot(rule.weights, values, 1), np.eye(degree + 1)[[0, 0]], atol=TOL)


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 8])
def test_product_rules_fail_above_their_degree(degree):
    # n equidistant angles take cos(n t) for 1; an n-point Gauss rule fails for the square of its polynomial
    for group in CIRCULAR:
        assert abs(quadrature(group, degree).error(degree + 1) - 1) < TOL
    for pair in ((SO3, SO3.trivial_subgroup), (SO3, SO3.subgroup("Cinf")), (O3, O3.subgroup("Cinfv"))):
        assert quadrature(pair[0], degree, subgroup=pair[1]).error(degree + 1) > 0.01


def test_numbers_of_nodes():
    for degree in range(9):
        count, rings = degree + 1, degree // 2 + 1
        assert len(quadrature(SO3, degree)) == count**2 * rings
        assert len(quadrature(O3, degree)) == 2 * count**2 * rings
        assert len(quadrature(SO3, degree, subgroup="Cinf")) == count * rings
        assert len(quadrature(O3, degree, subgroup="Cinfv")) == count * rings
        assert len(quadrature(SO3, degree, subgroup="Dinf")) == count * ((rings + 1) // 2)
        assert len(quadrature(SO3, degree, subgroup="C4")) == count * rings * (degree // 4 + 1)
        assert len(quadrature(SO3, degree, subgroup="I")) == count * ((rings + 1) // 2) * (degree // 5 + 1)
        assert len(quadrature(SO2, degree)) == len(quadrature(O2, degree, subgroup="D1")) == count
        assert len(quadrature(O2, degree)) == 2 * count
        assert len(quadrature(SO2, degree, subgroup="C3")) == degree // 3 + 1


@pytest.mark.parametrize("degree", [5, 7, 9, 11, 15, 17, 19])
def test_lebedev_rules_have_fewer_nodes_and_fail_above_their_degree(degree):
    for small in ("C1", "Cinf", "Dinf"):
        product, lebedev = (len(quadrature(SO3, degree, subgroup=small, kind=kind)) for kind in ("product", "lebedev"))
        assert lebedev < product
    assert quadrature(SO3, degree, subgroup="Cinf", kind="lebedev").error(degree + 1) > 0.01


@pytest.mark.parametrize("name", ["C1", "C2", "C5", "D2", "D3", "D6", "T", "O", "I"])
def test_degree_of_a_finite_subgroup_is_one_below_its_first_invariant(name):
    rule = quadrature(SO3, kind="orbit", symmetry=name)
    assert len(rule) == rule.symmetry.order
    angle = np.arccos(np.clip((np.trace(rule.symmetry.elements, axis1=1, axis2=2) - 1) / 2, -1, 1))
    invariants = [np.mean(sum(np.cos(m * angle) for m in range(-degree, degree + 1))) for degree in range(1, 8)]
    assert rule.degree == np.argmax(np.array(invariants) > 0.5)  # the first degree less 1, by characters
    assert rule.degree == {"T": 2, "O": 3, "I": 5, "D2": 1, "D3": 1, "D6": 1}.get(name, 0)
    assert_exact(rule, rule.degree)
    assert haar_error(rule, rule.degree + 1) > 0.01


def test_degrees_of_other_orbits():
    # T does not tell the components of O(3) apart, so not even det is integrated
    assert quadrature(O3, kind="orbit", symmetry="T").degree == -1
    assert quadrature(O3, kind="orbit", symmetry="Ih").degree == 5
    assert quadrature(SO2, kind="orbit", symmetry="C7").degree == 6
    assert quadrature(steer.group("D8", dim=2), kind="orbit", symmetry="D4").degree == 3
    assert quadrature(steer.group("Oh", dim=3), kind="orbit", symmetry="Oh").degree == math.inf
    assert quadrature(O3, kind="orbit", symmetry="Ci", subgroup="SO(3)").degree == math.inf
    assert quadrature(O3, kind="orbit", symmetry="T", subgroup="SO(3)").degree == -1


def test_the_icosahedron_is_a_spherical_5_design():
    rule = quadrature(SO3, kind="orbit", symmetry="I", subgroup=VERTEX)
    vertices = rule.elements @ [0, 1, PHI]
    corners = np.array([np.roll([0, a, b * PHI], k) for k in range(3) for a in (1, -1) for b in (1, -1)])
    assert sorted(np.linalg.norm(vertices[:, None] - corners, axis=-1).argmin(axis=1)) == list(range(12))
    assert rule.degree == 5
    for degree in range(1, 6):
        np.testing.assert_allclose(harmonics(vertices, degree).mean(axis=0), np.zeros(2 * degree + 1), atol=TOL)
    assert np.abs(harmonics(vertices, 6).mean(axis=0)).max() > 0.1


@pytest.mark.parametrize("name", ["C4", "D3", "T", "O", "I", "Cs", "Ci", "C4v", "S4", "D2d", "Th", "Oh"])
@pytest.mark.parametrize("degree", [None, 2, 6])
def test_orbits_are_symmetric_and_exact(name, degree):
    symmetry = O3.subgroup(name)
    group, small_names = (SO3, ("Cinf", "Dinf", "D3")) if symmetry <= SO3 else (O3, ("Cinfv", "Dinfh", "C2v"))
    for small in small_names:
        rule = quadrature(group, degree, subgroup=small, kind="orbit", symmetry=symmetry)
        assert_symmetric(rule, symmetry)
        assert_exact(rule, rule.degree)
        assert rule.degree == degree if degree is not None else haar_error(rule, rule.degree + 1) > 0.01


@pytest.mark.parametrize("name", ["D3", "T", "O"])
def test_orbits_on_the_rotation_group(name):
    for degree in (4, 6):
        rule = quadrature(SO3, degree, kind="orbit", symmetry=name)
        assert_symmetric(rule, SO3.subgroup(name))
        assert_exact(rule, degree)
    assert len(quadrature(SO3, 5, kind="orbit", symmetry="I")) == 60  # exact already


@pytest.mark.parametrize("group", CIRCULAR, ids=group_id)
def test_orbits_of_groups_of_one_dimension(group):
    subgroups = [small for small in group.standard.subgroups(6) if small.is_finite]
    if group.dim == 3:
        subgroups = [small.in_frame(group.frame @ small.frame) for small in subgroups]
    for symmetry, small, degree in itertools.product(subgroups[-3:], subgroups[:3], (None, 0, 5)):
        rule = quadrature(group, degree, subgroup=small, kind="orbit", symmetry=symmetry)
        assert_symmetric(rule, symmetry)
        assert_exact(rule, rule.degree)


def test_orbits_about_other_axes():
    # reflections in lines that are not among those of the nodes
    rule = quadrature(O2, 6, kind="orbit", symmetry=O2.subgroup("D3", axis=0.3))
    assert_symmetric(rule, rule.symmetry)
    assert_exact(rule, 6)
    tilted = O3.subgroup("D3h", axis=(1, 2, 3), secondary=0.4)
    rule = quadrature(O3, 4, subgroup="Cinfv", kind="orbit", symmetry=tilted)
    assert_symmetric(rule, tilted)
    assert_exact(rule, 4)


@pytest.mark.parametrize("group", FINITE, ids=group_id)
def test_orbits_in_finite_groups(group):
    for symmetry, small in itertools.product(group.subgroups()[1::4], group.subgroups()[::4]):
        orbit = quadrature(group, subgroup=small, kind="orbit", symmetry=symmetry)
        assert_symmetric(orbit, symmetry)
        assert_exact(orbit, orbit.degree)
        assert_exact(quadrature(group, 12, subgroup=small, kind="orbit", symmetry=symmetry), 12)


@pytest.mark.parametrize("pair", [(SO3, "C1"), (SO3, "Cinf"), (SO3, "Dinf"), (O3, "C1"), (O3, "Cinfv")], ids=str)
def test_spread_sets_approach_the_haar_measure(pair):
    group, small = pair
    errors = [quadrature(group, kind="spread", subgroup=small, size=size).error(4) for size in (32, 128, 512, 2048)]
    assert all(later < earlier / 2 for earlier, later in itertools.pairwise(errors))
    random = group.sample(2048, seed=1)
    shown = [np.abs(psi(random).mean(axis=0)[:, 0]).max() for psi in group.irreps(2)[2:]]
    assert errors[-1] < min(shown)  # Monte Carlo has about 1/sqrt(2048) = 0.02


def test_spread_sets_have_the_size_asked_for_and_equal_weights():
    for size, small in itertools.product((1, 2, 7, 40), ("C1", "C3", "I", "Cinf", "Dinf")):
        rule = quadrature(SO3, kind="spread", subgroup=small, size=size)
        np.testing.assert_allclose(rule.weights, np.full(size, 1 / size), rtol=1e-14)
        assert abs(rule.error(3) - haar_error(rule, 3)) < TOL or small != "C1"
    rule = quadrature(O3, kind="spread", size=40)
    assert rule.degree == 0
    assert (np.linalg.det(rule.elements) > 0).sum() == 20
    assert len(quadrature(O3, kind="spread", size=7, subgroup="Cs")) == 7


@pytest.mark.parametrize("group", CIRCULAR, ids=group_id)
def test_spread_angles_are_exact(group):
    count = len(group.components)
    rule = quadrature(group, kind="spread", size=7 * count)
    assert rule.degree == 6
    assert abs(rule.error(7) - 1) < TOL
    assert quadrature(SO2, kind="spread", size=7, subgroup="C3").degree == 20


def test_points_of_the_sphere_and_rotations_keep_apart():
    # n caps on the sphere cover it to 0.9069 at best: distance sqrt(8 pi / sqrt(3) / n) = 3.81 / sqrt(n)
    points = quadrature(SO3, kind="spread", subgroup="Cinf", size=400).elements[:, :, 2]
    distance = np.linalg.norm(points[:, None] - points, axis=-1) + 4 * np.eye(400)
    assert distance.min() * math.sqrt(400) > 2.5
    upper = quadrature(SO3, kind="spread", subgroup="Dinf", size=400).elements[:, :, 2]
    assert (upper[:, 2] > 0).all()
    sets = np.stack([quadrature(SO3, kind="spread", size=400).elements, SO3.sample(400, seed=0)])
    spread, random = np.linalg.norm(sets[:, :, None] - sets[:, None], axis=(-2, -1)) + 4 * np.eye(400)
    assert spread.min() > 4 * random.min()


def test_super_fibonacci_spirals():
    # the paper's formula at one node, by x -> x + 2 w (v x x) + 2 v x (v x x)
    n, s, root = 50, 13.5, 1.533751168755204288118041
    assert abs(root**4 - root - 4) < TOL
    alpha, beta = 2 * math.pi * s / math.sqrt(2), 2 * math.pi * s / root
    q = np.array([math.sin(alpha), math.cos(alpha), 0, 0]) * math.sqrt(s / n)
    q += np.array([0, 0, math.sin(beta), math.cos(beta)]) * math.sqrt(1 - s / n)
    turned = [e + 2 * q[0] * np.cross(q[1:], e) + 2 * np.cross(q[1:], np.cross(q[1:], e)) for e in np.eye(3)]
    np.testing.assert_allclose(quadrature(SO3, kind="spread", size=n).elements[13], np.transpose(turned), atol=TOL)


def test_products_and_other_actions():
    flips = steer.group("D1", dim=2)
    rule = quadrature(direct_product(SO3, flips), 3)
    assert len(rule) == 2 * len(quadrature(SO3, 3))
    assert_exact(rule, 3)
    assert rule.error(4) > 0.1
    orbit = quadrature(direct_product(SO2, flips), 4, kind="orbit", symmetry="C3 x D1")
    assert_symmetric(orbit, orbit.symmetry)
    assert_exact(orbit, 4)
    acting = with_action(SO3, None)
    assert len(quadrature(acting, 4, subgroup="Cinf")) == len(quadrature(SO3, 4, subgroup="Cinf"))


EXAMPLES = [
    quadrature(SO3, 4),
    quadrature(O3, 4, subgroup="Cinfv", kind="lebedev"),
    quadrature(SO3, 3, subgroup=VERTEX, kind="orbit", symmetry="I"),
    quadrature(SO3, kind="orbit", symmetry="O"),
    quadrature(O2, kind="spread", size=6),
    quadrature(steer.group("D4", dim=2)),
]


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: f"{rule.group}-{rule.kind}")
def test_values(rule):
    assert eval(repr(rule).replace("steer.reps.quadrature", "quadrature")) == rule
    assert rule.degree >= 0
    for other in (pickle.loads(pickle.dumps(rule)), copy.deepcopy(rule)):
        assert other == rule
        assert hash(other) == hash(rule)
        np.testing.assert_array_equal(other.elements, rule.elements)
    assert sum(rule == other for other in EXAMPLES) == 1
    for array in (rule.elements, rule.weights):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    ("group", "arguments", "message"),
    [
        ("SO(3)", {"degree": 2}, "group: expected a group"),
        (SO3, {"degree": 2, "kind": "gauss"}, "kind: expected one of product, lebedev, orbit, spread, got 'gauss'"),
        (SO3, {}, "degree: kind='product' needs it"),
        (SO3, {"kind": "lebedev", "subgroup": "Cinf"}, "degree: kind='lebedev' needs it"),
        (SO3, {"degree": -1}, "degree: expected an integer >= 0, got -1"),
        (SO3, {"degree": 132, "kind": "lebedev"}, "degree: Lebedev rules go up to 131, got 132"),
        (O2, {"degree": 2, "kind": "lebedev"}, "kind: there is no 'lebedev' quadrature of steer.group"),
        (SO3, {"degree": 2, "size": 5}, "size: only kind='spread' takes it, got 5 with kind='product'"),
        (SO3, {"kind": "spread"}, "size: kind='spread' needs it, got None"),
        (SO3, {"kind": "spread", "size": 4, "degree": 2}, "degree: kind='spread' takes a size and no degree, got 2"),
        (SO3, {"kind": "spread", "size": 0}, "size: expected a positive multiple of 1"),
        (SO3, {"kind": "spread", "size": "4"}, "size: expected an integer >= 0, got '4'"),
        (O3, {"kind": "spread", "size": 5}, "size: expected a positive multiple of 2, the number of connected parts"),
        (FINITE[0], {"kind": "spread", "size": 5}, "kind: D4/C1 is finite, and the sum over it exact"),
        (direct_product(SO2, FINITE[0]), {"kind": "spread", "size": 5}, "kind: there is no 'spread' quadrature of"),
        (SO3, {"kind": "orbit"}, "symmetry: kind='orbit' needs it"),
        (SO3, {"degree": 2, "symmetry": "O"}, "symmetry: only kind='orbit' takes it, got 'O'"),
        (SO3, {"kind": "orbit", "symmetry": "Cinf"}, "symmetry: expected a finite subgroup of"),
        (SO3, {"kind": "orbit", "symmetry": steer.group("Oh", dim=3)}, "symmetry: expected a finite subgroup of"),
        (SO3, {"kind": "orbit", "symmetry": "Oh"}, "name: Oh is not a subgroup of SO"),
        (SO3, {"degree": 2, "subgroup": steer.group("Oh", dim=3)}, "subgroup: .* is not a subgroup of"),
    ],
)
def test_errors(group, arguments, message):
    with pytest.raises(GroupError, match=message):
        quadrature(group, **arguments)
    with pytest.raises(GroupError, match="max_degree: expected an integer >= 0, got -2"):
        EXAMPLES[0].error(-2)


def test_lebedev_rules_need_a_recent_scipy(monkeypatch):
    import scipy.integrate

    from steer.reps.analysis._point_sets import lebedev

    lebedev.cache_clear()
    monkeypatch.delattr(scipy.integrate, "lebedev_rule")
    with pytest.raises(GroupError, match=r"kind: 'lebedev' needs scipy 1.15 or later"):
        quadrature(SO3, 4, kind="lebedev")
