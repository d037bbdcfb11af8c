"""Field types from strings as e3nn writes them; tests/oracles compares with e3nn itself."""

import numpy as np
import pytest

import steer
from steer import nn
from steer.errors import FieldTypeError
from steer.reps import e3nn_basis
from tests.catalogue import D4, O3, SO3


def test_strings_and_back():
    kind = nn.FieldType.from_irreps("8x0e + 4x1o")
    assert kind == nn.FieldType(O3, 8 * [O3.irrep("0e")] + 4 * [O3.irrep("1o")])
    assert kind.irreps_string == "8x0e + 4x1o"
    for text in ("1x0e", "0e", " 1 x 0e ", "0x3o+0e"):
        assert nn.FieldType.from_irreps(text) == nn.FieldType(O3, [O3.trivial])
    assert nn.FieldType.from_irreps("1o + 0e + 2x1o").irreps_string == "1x1o + 1x0e + 2x1o"
    assert nn.FieldType.from_irreps("2x0y + 1y + 2y").irreps_string == "2x0e + 1x1o + 1x2e"
    turning = nn.FieldType.from_irreps("8x0 + 4x1")
    assert turning == nn.FieldType(SO3, 8 * [SO3.trivial] + 4 * [SO3.irrep("1")])
    assert turning.irreps_string == "8x0 + 4x1"
    assert nn.FieldType.from_irreps("8x0e + 4x1o", SO3) == turning
    assert isinstance(turning, nn.FieldType)


@pytest.mark.parametrize(
    ("text", "group", "message"),
    [
        ("", None, "irreps: expected terms"),
        ("8x0e +", None, "irreps: expected terms"),
        ("8x0e - 1o", None, "irreps: expected terms"),
        ("-1x0e", None, "irreps: expected terms"),
        ("8 0e", None, "irreps: expected terms"),
        ("0e + 1", None, "some have none"),
        ("8x0 + 1", O3, "irreps of O.3. have a parity"),
        ("0e", D4, "group: e3nn has irreps of"),
        ("0e", "O(3)", "group: e3nn has irreps of"),
        ("0x0e", None, "expected at least one field"),
        (3, None, "irreps: expected a string"),
        (["0e"], None, "irreps: expected a string"),
    ],
)
def test_what_is_no_such_string_is_refused(text, group, message):
    with pytest.raises(FieldTypeError, match=message):
        nn.FieldType.from_irreps(text, group)


def test_other_groups_have_no_such_string():
    with pytest.raises(FieldTypeError, match="e3nn has irreps"):
        _ = nn.FieldType(D4, [D4.trivial]).irreps_string
    with pytest.raises(FieldTypeError, match="e3nn has irreps"):
        e3nn_basis(nn.FieldType(D4, [D4.trivial]))


@pytest.mark.parametrize("group", [SO3, O3], ids=["SO3", "O3"])
def test_the_basis_is_that_of_harmonics_about_y(group):
    kind = nn.FieldType(group, [group.harmonic(2), group.trivial, group.vector, group.vector.tensor(group.vector)])
    P = e3nn_basis(kind)
    np.testing.assert_allclose(P @ P.T, np.eye(kind.size), atol=1e-12)
    points = np.random.default_rng(0).normal(size=(7, 3))
    # e3nn's harmonics of (x, y, z) are the textbook's, and ours, of (z, x, y)
    theirs = np.concatenate(
        [steer.reps.harmonics(points[:, [2, 0, 1]] if degree > 1 else points, degree) for degree in (2, 0)], axis=-1
    )
    ours = np.concatenate([steer.reps.harmonics(points, degree) for degree in (2, 0)], axis=-1)
    np.testing.assert_allclose(theirs @ P[:6, :6].T, ours, atol=1e-12)
    # tensors come apart into the same irreps: their features move by the same matrices
    plain = nn.FieldType.from_irreps(kind.irreps_string)
    between = P @ e3nn_basis(plain).T
    for g in group.sample(4, seed=0):
        moved = between @ plain.representation(g) @ between.T
        np.testing.assert_allclose(moved, kind.representation(g), atol=1e-12)


@pytest.mark.parametrize("text", ["1000000000x0e", "600000x0e + 600000x1o", "9" * 5000 + "x0e", "0" * 5000])
def test_more_fields_than_are_made_are_refused_at_once(text):
    with pytest.raises(FieldTypeError, match="irreps: "):
        nn.FieldType.from_irreps(text)
