"""Representations of one's own: mixtures of irreps in any basis, in every form in which they may be given."""

import functools
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import steer
from steer.errors import GroupError, RepresentationError
from steer.reps import MatrixRepresentation, decompose, intertwiners, multiplicity, representation
from tests.catalogue import (
    ACTIONS,
    C1,
    C3,
    C4,
    D3,
    D4,
    GROUPS,
    O2,
    OCT,
    PRODUCTS,
    SO2,
    SO3,
    Group,
    beside,
    elements,
    group_id,
    irreps,
    mostly_slow,
    turn,
)

ROOT = Path(__file__).parents[2]
KEPT = 1e-8
"""Ten decimals are kept; sums of two dozen of these, times the condition number of the bases below, stay under this."""

EVERY = [*mostly_slow(GROUPS), *PRODUCTS[::4], *ACTIONS]


@functools.lru_cache(maxsize=64)
def known_values(rep):
    """The representation as a function that keeps its values, since most are asked for again and again."""
    known = {}

    def value(g):
        key = np.shape(g), np.asarray(g).tobytes()
        if key not in known:
            known[key] = rep(g)
        return known[key]

    return value


def mixture(group, seed=0, stretch=2.0):
    """Some irreps and a function from elements to their sum in a random basis, orthogonal without stretch."""
    rng = np.random.default_rng(seed)
    known = [psi for psi in irreps(group) if psi.size <= 9]
    chosen = [known[i] for i in rng.integers(len(known), size=3)]
    total = known_values(chosen[0] + chosen[1] + chosen[2])
    size = sum(psi.size for psi in chosen)
    left, right = (np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(2))
    basis = left @ np.diag(rng.uniform(1, stretch, size)) @ right
    return chosen, lambda g: basis @ total(g) @ np.linalg.inv(basis)


def bound(group):
    return None if group.is_finite else max(psi.frequency for psi in irreps(group))


@pytest.mark.parametrize("stretch", [1.0, 2.0])
@pytest.mark.parametrize("group", EVERY, ids=group_id)
def test_a_mixture_of_irreps_is_found_again(group, stretch):
    chosen, given = mixture(group, stretch=stretch)
    rep = representation(group, given, max_frequency=bound(group))
    assert sorted(psi.label for psi in rep.irreps) == sorted(psi.label for psi in chosen)
    g = elements(group)
    matrices, one = rep(g), np.eye(rep.size)
    np.testing.assert_allclose(matrices @ np.swapaxes(matrices, 1, 2), np.broadcast_to(one, matrices.shape), atol=1e-13)
    np.testing.assert_allclose(rep(g @ g[::-1]), matrices @ matrices[::-1], atol=1e-12)
    T = rep.from_given
    np.testing.assert_allclose(matrices, T @ given(g) @ np.linalg.inv(T), atol=KEPT)
    np.testing.assert_allclose(rep.character(g), np.trace(given(g), axis1=1, axis2=2), atol=KEPT)
    if stretch == 1:
        np.testing.assert_array_equal(T, one)
    np.testing.assert_array_equal(T, T.T)
    assert np.linalg.eigvalsh(T).min() > 0
    # the same irreps and the same basis as the one solver finds
    again = decompose(rep)
    assert again.irreps == rep.irreps
    np.testing.assert_allclose(again.change_of_basis, rep.change_of_basis, atol=1e-7)
    for psi in set(chosen):
        assert multiplicity(psi, rep) == multiplicity(psi, psi) * chosen.count(psi) == len(intertwiners(psi, rep))


@pytest.mark.parametrize("group", EVERY, ids=group_id)
def test_every_way_to_give_it_gives_the_same_value(group):
    _, given = mixture(group, seed=1)
    top = bound(group)
    rep = representation(group, given, max_frequency=top)
    ways = [
        representation(group, given, max_frequency=None if top is None else top + 1, name="another"),
        representation(group, given(group.generators if len(group.generators) else group.elements), max_frequency=top),
    ]
    if group.is_finite:
        ways += [representation(group, given(group.elements)), representation(group, given(group.elements).tolist())]
    ways += [eval(repr(rep), {"steer": steer}), pickle.loads(pickle.dumps(rep))]
    for other in ways:
        assert other == rep
        assert hash(other) == hash(rep)
        assert repr(other) == repr(rep)
        np.testing.assert_array_equal(other(elements(group)), rep(elements(group)))
        np.testing.assert_array_equal(other.change_of_basis, rep.change_of_basis)
    assert ways[0].name == "another"
    assert rep.name == str(rep) == f"matrices({rep.size})"
    if group.order > 1:
        assert representation(group, mixture(group, seed=2)[1], max_frequency=top) != rep


@pytest.mark.parametrize("group", [C1, C4, D3, D4, OCT], ids=group_id)
def test_permutations_stay_permutations(group):
    rep = representation(group, group.regular(group.elements))
    assert rep.is_permutation
    assert rep.is_signed_permutation
    np.testing.assert_array_equal(rep(group.elements), group.regular(group.elements))
    np.testing.assert_array_equal(rep.places(group.elements), group.regular.places(group.elements))
    assert rep != group.regular, "equal matrices, two values"
    sign = group.irreps()[-1]
    signed = representation(group, sign(group.elements)) if sign.size == 1 else None
    if signed is not None and group.order > 1:
        assert signed.is_signed_permutation
        assert not signed.is_permutation
        np.testing.assert_array_equal(np.abs(signed(group.elements)), 1)


def test_permutations_of_a_continuous_group():
    rep = representation(O2, [np.eye(2), [[0, 1], [1, 0]]], max_frequency=0)
    assert rep.is_permutation
    np.testing.assert_array_equal(rep(O2.sample(6, seed=0)), O2.quotient("SO(2)")(O2.sample(6, seed=0)))
    assert representation(SO2, [np.eye(3)], max_frequency=4).irreps == 3 * (SO2.trivial,)


def test_single_precision_is_near_enough_and_comes_out_exact():
    _, given = mixture(SO3)
    rough = representation(SO3, lambda g: given(g).astype(np.float32), max_frequency=4)
    g = SO3.sample(5, seed=1)
    np.testing.assert_allclose(rough(g) @ rough(g[::-1]), rough(g @ g[::-1]), atol=1e-12)
    np.testing.assert_allclose(rough.character(g), np.trace(given(g), axis1=1, axis2=2), atol=1e-5)


def test_what_is_made_of_it():
    _, given = mixture(D4)
    rep = representation(D4, given)
    for value in (rep + D4.vector, rep.tensor(rep), rep.restrict("C4"), rep.restrict("C4").induce(D4)):
        assert eval(repr(value), {"steer": steer}) == value
        assert len(value.irreps) == len(decompose(value).irreps)
    small = D4.subgroup("C4")
    np.testing.assert_array_equal(rep.restrict(small)(small.elements), rep(small.elements))
    product = steer.reps.direct_product(D4, C3)
    np.testing.assert_array_equal(product.inflate(rep)(product.elements)[:3], np.repeat(rep(D4.elements[:1]), 3, 0))
    moved = steer.reps.with_action(D4, representation(D4, D4.vector(D4.elements)))
    assert eval(repr(moved), {"steer": steer}) == moved


def test_other_matrices_are_another_value():
    one = representation(C4, [turn(np.pi / 2)])
    assert one == representation(C4, C4.vector)
    assert one != representation(C4, [turn(-np.pi / 2)])
    assert one != representation(C4.subgroup("C2"), [turn(np.pi)])
    # a shear by more than what is kept; its orthogonal form is the same, what was given is not
    shear = np.array([[1, 1e-9], [0, 1]])
    assert one != representation(C4, [shear @ turn(np.pi / 2) @ np.linalg.inv(shear)])
    assert "-0" not in repr(representation(C4, [[[-0.0, -1], [1, 0]]])).replace("-1", "")


CONTENT = """
import numpy as np
from steer.kernels import kernel_basis
from tests.reps.test_matrices import D4, mixture, representation
rep = representation(D4, mixture(D4)[1])
print(repr(rep), end=" ")
for basis in (kernel_basis(rep, D4.regular, max_frequency=2), kernel_basis(D4.vector, rep, max_frequency=2)):
    print(basis.fingerprint, basis.sample(np.eye(2)).tobytes().hex(), end=" ")
"""


def test_two_processes_agree():
    runs = [subprocess.run([sys.executable, "-c", CONTENT], cwd=ROOT, capture_output=True, check=True) for _ in "ab"]
    assert runs[0].stdout == runs[1].stdout
    assert representation(D4, mixture(D4)[1]) == eval(
        runs[0].stdout.decode().rpartition(")")[0] + ")", {"steer": steer}
    )


REFUSED = {
    "no group": ("C4", [np.eye(2)], {}, "group: expected a group"),
    "text": (C4, "abc", {}, "matrices: expected an array of matrices, or a function"),
    "one matrix": (C4, turn(np.pi / 2), {}, r"expected square matrices .* got \(2, 2\)"),
    "not square": (C4, np.ones((4, 2, 3)), {}, r"got \(4, 2, 3\)"),
    "no components": (C4, np.ones((4, 0, 0)), {}, r"got \(4, 0, 0\)"),
    "too many": (C4, np.stack(3 * [np.eye(2)]), {}, "4, one for each element of C4, or 1, .* got 3"),
    "too few": (OCT, [np.eye(2)], {}, "one for each of O's generators, got 1"),
    "of generators": (SO3, [np.eye(2)], {"max_frequency": 1}, "expected 2, one for each of SO.3.'s generators, got 1"),
    "nan": (C4, [[[np.nan, 0], [0, 1]]], {}, "finite"),
    "singular": (C4, [[[1, 0], [0, 0]]], {}, "singular .condition number inf"),
    "zero": (D4, np.zeros((8, 2, 2)), {}, "singular"),
    "another order": (C4, [turn(np.pi / 3)], {}, "no representation of C4: .* differs from M.g h. by 1"),
    "one element off": (D4, D4.vector(D4.elements) + 0.01 * (np.arange(8) == 5)[:, None, None], {}, "by 0.01"),
    "elements swapped": (D3, D3.regular(D3.elements[::-1]), {}, "differs from M.g h. by 1"),
    "unipotent": (SO2, [[[1, 1], [0, 1]]], {"max_frequency": 3}, "up to frequency 3; .* no homomorphism"),
    "identity missed": (C1, [2 * np.eye(1)], {}, "differs from M.g h. by 2"),
    "no bound": (SO2, SO2.vector, {}, "max_frequency: SO.2. has infinitely many"),
    "bound too low": (
        SO2,
        SO2.irrep("3") + SO2.trivial,
        {"max_frequency": 2},
        "1 of 3 components",
    ),
    "bound too low for generators": (SO2, [turn(3)], {"max_frequency": 2}, "0 of 2 components"),
    "bound too low of a finite group": (D4, D4.regular, {"max_frequency": 1}, "components are of irreps of D4"),
    "bad bound": (SO2, SO2.vector, {"max_frequency": -1}, "max_frequency: expected an integer >= 0"),
    "bad name": (C4, [np.eye(1)], {"name": 3}, "name: expected a string, got 3"),
    "function of junk": (C4, lambda g: None, {}, r"gives square matrices, got shape \(\)"),
    "function of rows": (C4, lambda g: g[0], {}, r"gives square matrices, got shape \(2,\)"),
    "function of sizes": (C4, lambda g: np.eye(1 + (g[0, 0] > 0)), {}, "as of other elements"),
    "function that fails": (C4, lambda g: g["a"], {}, "it raised IndexError"),
    "no function of a homomorphism": (SO2, lambda g: g @ g.T + g, {"max_frequency": 3}, "differs from M.g h. by"),
    "squares": (SO3, lambda g: g * g, {"max_frequency": 3}, "matrices: "),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_none_is_refused(case):
    group, matrices, options, message = REFUSED[case]
    with pytest.raises((RepresentationError, GroupError), match=message):
        representation(group, matrices, **options)


def angle(g):
    return np.arctan2(g[..., 1, 0], g[..., 0, 0]) % (2 * np.pi)


def spoiled(group, rep, start, share, by):
    """A function that is a representation but for a share of the turns."""
    return lambda g: rep(g) + by * bool((angle(g) - start) % (2 * np.pi) < 2 * np.pi * share)


@pytest.mark.parametrize("share", [0.01, 0.045])
@pytest.mark.parametrize("start", np.random.default_rng(0).uniform(0, 2 * np.pi, 4))
@pytest.mark.parametrize("group", [SO2, O2, steer.group("Cinf", dim=3)], ids=group_id)
def test_a_function_that_is_wrong_at_few_angles_is_refused(group, start, share):
    rep = group.irrep(group.irreps(2)[-1].label) + group.trivial
    function = spoiled(group, rep, start, share, 1e-3)
    with pytest.raises(RepresentationError, match=r"matrices: .* no representation|matrices: they are no rep"):
        representation(group, function, max_frequency=2)


def test_the_error_says_where_and_by_how_much():
    function = spoiled(SO2, SO2.vector, 2.0, 0.02, 0.01)
    with pytest.raises(RepresentationError, match=r"at 8 of 564 elements .* by 0.01; correct it there") as caught:
        representation(SO2, function, max_frequency=1)
    shown = np.array(eval(str(caught.value).partition("most at ")[2].partition(", by")[0]))
    assert 2 <= angle(shown) < 2 + 0.02 * 2 * np.pi


def test_a_function_that_is_wrong_at_one_degree_or_symmetry_of_the_grid_is_refused():
    for degrees in (45, 90, 180, 271):
        function = spoiled(SO2, SO2.vector, np.deg2rad(degrees) - 1e-9, 1e-9, 0.5)
        with pytest.raises(RepresentationError, match=r"at \d of .* by 0.5"):
            representation(SO2, function, max_frequency=1)


def test_a_function_of_space_that_is_wrong_at_few_rotations_is_refused():
    # the rotations by less than a tenth of a turn, 0.6 % of all
    function = lambda g: SO3.vector(g) + 0.5 * bool(np.pi / 5 > np.arccos((np.trace(g) - 1) / 2) > 0.01)  # noqa: E731
    with pytest.raises(RepresentationError, match=r"by 0.5"):
        representation(SO3, function, max_frequency=1)


def test_a_function_that_fails_shows_its_own_error():
    with pytest.raises(RepresentationError) as caught:
        representation(C4, lambda g: 1 / 0)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_generators_that_do_not_generate_are_found_out():
    class Wrong(type(D4)):
        @property
        def generators(self):
            return D4.generators[:1]

    wrong = Wrong(4, True)
    assert isinstance(wrong, Group)
    with pytest.raises(RepresentationError, match="generate a part of it only"):
        representation(wrong, D4.generators[:1])


def test_a_product_of_given_and_known():
    # one rotation of space beside its inverse transpose, the same, under another basis: a shear
    shear = beside(np.array([[1.0, 0.5], [0, 1]]), np.eye(1))
    rep = representation(OCT, lambda g: shear @ g @ np.linalg.inv(shear), name="lattice")
    assert isinstance(rep, MatrixRepresentation)
    assert rep.irreps == OCT.vector.irreps
    form = rep.from_given @ rep.from_given  # the metric of the lattice, up to scale, as |shear^-1 x|^2
    metric = np.linalg.inv(shear @ shear.T)
    np.testing.assert_allclose(form / np.trace(form), metric / np.trace(metric), atol=1e-10)
