"""Random elements are fresh at each call, and repeat by a seed, a generator or NumPy's global state."""

import math

import numpy as np
import pytest

import steer
from steer.errors import GroupError
from tests.catalogue import GROUPS, INTERNAL, LINE, THROUGH_D2, group_id

MANY = [group for group in (*GROUPS, THROUGH_D2, LINE, *INTERNAL) if group.order > 1]
C4 = steer.group("C4", dim=2)


@pytest.fixture(autouse=True)
def _state_of_numpy():
    """What these tests draw from: seeded, so that they cannot fail by chance, and put back."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    yield
    np.random.set_state(before)  # noqa: NPY002


@pytest.mark.parametrize("group", MANY, ids=group_id)
def test_every_call_draws_other_elements(group):
    draws = [group.sample(64).tobytes() for _ in range(4)]
    assert len(set(draws)) == 4  # by chance equal with a probability below 4^2 2^-64


@pytest.mark.parametrize("group", MANY, ids=group_id)
def test_what_repeats_draws(group):
    draws = []
    for _ in range(2):
        np.random.seed(7)  # noqa: NPY002
        draws.append([group.sample(5), group.sample(5)])
    np.testing.assert_array_equal(*draws)
    np.testing.assert_array_equal(group.sample(5, 3), group.sample(5, seed=np.int64(3)))
    one, other = (np.random.default_rng(4) for _ in range(2))
    first, second = group.sample(64, generator=one), group.sample(64, generator=one)
    np.testing.assert_array_equal(first, group.sample(64, generator=other))
    assert not np.array_equal(first, second)


def test_a_seed_leaves_the_global_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    C4.sample(3, seed=1)
    C4.sample(3, generator=np.random.default_rng(1))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"seed": True}, "seed: expected an integer >= 0, or None for fresh draws, got True"),
        ({"seed": -1}, "seed: expected an integer >= 0, .* got -1"),
        ({"seed": 1.0}, "seed: expected an integer >= 0, .* got 1.0"),
        ({"seed": math.nan}, "seed: .* got nan"),
        ({"seed": np.random.default_rng(0)}, "seed: expected an integer"),
        ({"generator": 3}, "generator: expected a numpy.random.Generator .* got 3"),
        ({"seed": 1, "generator": np.random.default_rng(0)}, "seed, generator: give one of them"),
    ],
    ids=["bool", "negative", "float", "nan", "generator as seed", "no generator", "both"],
)
@pytest.mark.parametrize("group", [C4, steer.group("O(3)", dim=3), THROUGH_D2, INTERNAL[0]], ids=group_id)
def test_what_is_no_seed_is_refused(group, arguments, match):
    with pytest.raises(GroupError, match=match):
        group.sample(2, **arguments)


def test_functions_of_the_library_that_draw_elements_repeat():
    # what they find does not change from run to run: pictures, lists of symmetries, checks of kernels
    group = steer.group("O(3)", dim=3)
    inside = steer.reps.direct_product(C4, steer.group("SO(2)", dim=2))
    np.testing.assert_array_equal(*(steer.testing.grid_symmetries(inside) for _ in range(2)))
    basis = steer.kernels.kernel_basis(group.vector, group.vector, max_frequency=2)
    assert len({steer.kernels.constraint_residual(basis) for _ in range(2)}) == 1
