"""Direct products: restriction to a factor, inflation, induction, subgroups; values, and errors."""

import itertools
import pickle

import numpy as np
import pytest

import steer
from steer.errors import GroupError, RepresentationError
from steer.reps import decompose, direct_product, intertwiners, multiplicity
from tests.catalogue import (
    C1,
    C2,
    C3,
    C4,
    D3,
    D4,
    PRODUCTS,
    SMALL_PRODUCTS,
    SO2,
    SO3,
    TOL,
    beside,
    elements,
    end_dimension,
    group_id,
    irreps,
)

# Restriction, inflation, induction ------------------------------------------------------------------------------------


def named(product, psi):
    """The irreps of the factors that the label of an irrep names."""
    for a, b in itertools.product(irreps(product.first, 2), irreps(product.second, 2)):
        if psi.label in {f"({a.label}, {b.label}){sign}" for sign in ("", "+", "-")}:
            return a, b
    raise AssertionError(f"{psi} names no irreps of the factors of {product.name}")


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_restriction_to_a_factor_is_a_multiple_of_the_factor(product):
    parts = (("first", product.first), ("second", product.second))
    for psi in irreps(product):
        for position, (name, factor) in enumerate(parts):
            small = psi.restrict(name)
            found = small.restrict(factor) if product.first == product.second else psi.restrict(factor)
            assert found.group == factor
            a = named(product, psi)[position]
            copies = psi.size // a.size
            assert found.irreps == copies * (a,)
            assert multiplicity(found, a) == copies * end_dimension(a)
            g = elements(factor, 4)
            other = np.eye(product.element_size - factor.element_size)
            whole = np.stack([beside(x, other) if name == "first" else beside(other, x) for x in g])
            np.testing.assert_array_equal(found(g), psi(whole))
            np.testing.assert_array_equal(small(whole), psi(whole))


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_inflation_is_trivial_on_the_other_factor(product):
    for name, other in (("first", "second"), ("second", "first")):
        factor = getattr(product, name)
        last = irreps(factor, 2)[-1]
        for rep in (last, factor.vector, factor.trivial + last):
            found = product.inflate(rep, name)
            assert found.size == rep.size
            g = elements(product, 6)
            part = product._part(g, name)
            np.testing.assert_array_equal(found(g), rep(part))
            assert [psi.restrict(other).irreps for psi in found.irreps] == [
                psi.size * (product.subgroup(other).trivial,) for psi in found.irreps
            ]
            blocks = decompose(found)
            assert sorted(psi.label for psi in blocks.irreps) == sorted(psi.label for psi in found.irreps)


@pytest.mark.parametrize("product", [p for p in PRODUCTS if p.first.is_finite or p.second.is_finite], ids=group_id)
def test_induction_from_a_factor(product):
    # Ind_{G x 1} a = a (x) regular(H), and Frobenius: Hom(b, Ind a) = Hom(Res b, a)
    finite = "second" if product.second.is_finite else "first"
    kept = "first" if finite == "second" else "second"
    small = product.subgroup(kept)
    regular = product.inflate(getattr(product, finite).regular, finite)
    nodes, weights = product.haar(4)
    for psi in irreps(small, 2)[:5]:
        induced = psi.induce(product)
        a = named(small, psi)[kept == "second"]
        expected = product.inflate(a, kept).tensor(regular)
        np.testing.assert_allclose(induced.character(nodes), expected.character(nodes), atol=TOL)
        below, lower = small.haar(4)
        for rep in irreps(product)[:20]:
            above = weights @ (rep.character(nodes) * induced.character(nodes))
            assert abs(above - lower @ (rep.character(below) * psi.character(below))) < TOL
            assert multiplicity(rep, induced) == round(above)
        assert sum(part.size for part in induced.irreps) == induced.size
        q = induced.change_of_basis
        g = elements(product, 3)[-3:]
        blocks = steer.reps.DirectSum(induced.irreps)(g)
        np.testing.assert_allclose(induced(g), q @ blocks @ q.T, atol=TOL)


def test_induction_to_infinitely_many_cosets():
    product = direct_product(SO3, C2)
    small = product.subgroup("second")
    found = small.irrep("(A, B)").induce(product, 1)
    assert [psi.label for psi in found.irreps] == ["(0, B)", *3 * ["(1, B)"]]
    assert [psi.label for psi in product.quotient("first").irreps] == ["(0, A)", "(0, B)"]
    assert [psi.label for psi in product.band_limited(1).irreps] == [
        "(0, A)",
        "(0, B)",
        *3 * ["(1, A)"],
        *3 * ["(1, B)"],
    ]
    dipole = product.inflate(SO3.irrep("1")).tensor(product.inflate(C2.irrep("B")))
    assert [psi.label for psi in dipole.tensor(dipole).irreps] == ["(0, A)", "(1, A)", "(2, A)"]


@pytest.mark.parametrize("product", SMALL_PRODUCTS, ids=group_id)
def test_subgroups_are_products_of_subgroups(product):
    found = product.subgroups()
    assert len(found) == len(product.first.subgroups()) * len(product.second.subgroups())
    assert {small.order for small in found} >= {1, product.order}
    assert [small.order for small in found] == sorted(small.order for small in found)
    for small in found:
        assert small <= product
        assert product.order % small.order == 0
        assert product.subgroup(small.name).order == small.order
        quotient = product.quotient(small)
        assert quotient.size == product.order // small.order
        assert quotient.is_permutation
        fixed = [psi for psi in product.irreps() if multiplicity(psi.restrict(small), small.trivial)]
        assert set(quotient.irreps) == set(fixed)
    share = {psi: psi.size // end_dimension(psi) for psi in product.irreps()}
    assert decompose(product.regular).multiplicities == share
    assert len(intertwiners(product.regular, product.regular)) == product.order


def test_subgroups_of_continuous_products():
    found = direct_product(SO2, C2).subgroups(4)
    assert [small.name for small in found] == [
        "C1 x C1",
        "C1 x C2",
        "C2 x C1",
        "C3 x C1",
        "C2 x C2",
        "C4 x C1",
        "SO(2) x C1",
        "SO(2) x C2",
    ]
    nested = direct_product(direct_product(C4, C2), D3)
    assert nested.name == "(C4 x C2) x D3"
    assert nested.subgroup("(C2 x C1) x C3") == direct_product(direct_product(C2, C1), C3)
    assert nested.subgroup("first").order == 8
    deep = nested.irrep("((E, B), E)")
    assert deep.restrict(nested.first).restrict(nested.first.second).irreps == 4 * (C2.irrep("B"),)
    assert deep.restrict(nested.first).restrict(C4).restrict("C2").irreps == 4 * (C2.irrep("B"),)
    assert eval(repr(deep.restrict(nested.first).restrict(C4)), {"steer": steer}).group == C4


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", PRODUCTS, ids=group_id)
def test_values_print_and_pickle_as_what_they_are(product):
    last = irreps(product)[-1]
    values = [
        product,
        product.subgroup("first"),
        *irreps(product)[:4],
        product.vector,
        product.harmonic(2),
        product.inflate(product.second.vector, "second"),
        last.restrict("second"),
        last.restrict("second").restrict(product.second) if product.second.order > 1 else last,
        product.quotient("first") if product.second.is_finite else product.quotient("first", 1),
    ]
    for value in values:
        assert eval(repr(value), {"steer": steer}) == value, repr(value)
        before = pickle.dumps(value)
        copy = pickle.loads(before)
        assert copy == value
        assert hash(copy) == hash(value)
    for array in (product.generators, product.components, product.haar(1)[0], product.haar(1)[1], product.frame):
        assert not array.flags.writeable
    assert direct_product(product.first, product.second) == product
    assert direct_product(product, C2) != product


CASES = {
    "first": (lambda: direct_product("C4", C2), GroupError, "first: expected a group such as .*, got 'C4'"),
    "second": (lambda: direct_product(C4, 2), GroupError, "second: expected a group such as .*, got 2"),
    "subgroup": (
        lambda: direct_product(C4, C2).subgroup("C2"),
        GroupError,
        "name: expected 'first', 'second' or a product such as 'C1 x C1', got 'C2'",
    ),
    "factor of a subgroup": (
        lambda: direct_product(C4, C2).subgroup("C2 x C3"),
        GroupError,
        "name: C3 is not a subgroup of C2",
    ),
    "axis": (
        lambda: direct_product(D4, C2).subgroup("D1 x C1", axis=0.0),
        GroupError,
        "axis: a subgroup of D4 x C2 takes a name only; .* pass the value steer.reps.direct_product",
    ),
    "max_order": (lambda: direct_product(C4, C2).subgroups(-1), GroupError, "max_order: expected an integer >= 0"),
    "label": (
        lambda: direct_product(C4, C2).irrep("(E, C)"),
        RepresentationError,
        r"label: C4 x C2 has no irrep '\(E, C\)'; did you mean",
    ),
    "sign": (
        lambda: direct_product(C3, C4).irrep("(E, E)"),
        RepresentationError,
        r"label: .* no irrep '\(E, E\)'; did you mean .*'\(E, E\)[+-]'",
    ),
    "no sign": (lambda: direct_product(C3, C2).irrep("(E, B)+"), RepresentationError, "label: .* no irrep"),
    "plain label": (lambda: direct_product(C3, C2).irrep("E"), RepresentationError, "label: .* no irrep 'E'"),
    "degree": (lambda: direct_product(C3, SO2).haar(-1), GroupError, "max_degree: expected an integer >= 0"),
    "sample": (lambda: direct_product(C3, SO2).sample(-1), GroupError, "n: expected an integer >= 0"),
    "size": (
        lambda: direct_product(C3, C2).vector(np.eye(2)),
        GroupError,
        r"g: expected matrices of shape \(..., 4, 4",
    ),
    "member": (lambda: direct_product(C3, C2).action(np.ones((4, 4))), GroupError, "g: a matrix is .* away from"),
    "inflate a group": (lambda: direct_product(C3, C2).inflate(C3), RepresentationError, "rep: expected a rep.*, got"),
    "inflate": (
        lambda: direct_product(C3, C2).inflate(C4.vector),
        RepresentationError,
        "rep: expected a representation of .*C3.* or .*C2.*, got one of .*C4",
    ),
    "inflate on one": (
        lambda: direct_product(C3, C2).inflate(C3.vector, "second"),
        RepresentationError,
        "rep: expected a representation of .*C2.*, got one of .*C3",
    ),
    "inflate where": (
        lambda: direct_product(C3, C2).inflate(C3.vector, "third"),
        RepresentationError,
        "factor: expected 'first' or 'second', got 'third'",
    ),
    "inflate which": (
        lambda: direct_product(C3, C3).inflate(C3.vector),
        RepresentationError,
        "factor: both factors are .*C3.*; pass factor='first' or 'second'",
    ),
    "restrict to which": (
        lambda: direct_product(C3, C3).vector.restrict(C3),
        GroupError,
        "subgroup: both factors of C3 x C3 are .*; restrict to 'first' or 'second', and then to the group itself",
    ),
    "restrict to another": (lambda: direct_product(C4, C2).vector.restrict(D3), GroupError, "subgroup: .*D3.* is not"),
    "quotient by a factor": (
        lambda: direct_product(C4, C2).quotient(C4),
        GroupError,
        "subgroup: .* is not a subgroup of .*; get one with .*subgroup",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_errors(case):
    call, error, message = CASES[case]
    with pytest.raises(error, match=message):
        call()
