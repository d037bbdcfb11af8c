"""What is asked for by a size is refused beyond a largest one, before any work, with the size and what to do.

Work is counted in bytes that Python and NumPy hold, not in seconds.
"""

import tracemalloc

import numpy as np
import pytest

import steer
from steer import nn
from steer.errors import GroupError, SteerError
from steer.kernels import Grid
from steer.reps import clebsch_gordan, direct_product, fourier, harmonics, quadrature, solid_harmonics, wigner_d

SO2, O2 = steer.group("SO(2)", dim=2), steer.group("O(2)", dim=2)
SO3, O3, DINFH = (steer.group(name, dim=3) for name in ("SO(3)", "O(3)", "Dinfh"))
LARGE = steer.group("C100000", dim=2)
PAIRS = direct_product(steer.group("C9000", dim=2), steer.group("D9000", dim=2))

TOO_LARGE = {
    **{f"irreps of {G.name}": lambda G=G: G.irreps(10**9) for G in (SO2, O2, SO3, O3, DINFH)},
    **{f"band limit of {G.name}": lambda G=G: G.band_limited(10**9) for G in (SO2, SO3, DINFH)},
    **{f"quadrature of {G.name}": lambda G=G: G.haar(10**9) for G in (SO2, O2, SO3, O3, DINFH)},
    **{f"subgroups of {G.name}": lambda G=G: G.subgroups(10**9) for G in (SO2, O2, SO3, O3, DINFH)},
    **{f"sample of {G.name}": lambda G=G: G.sample(10**10) for G in (SO2, SO3, LARGE)},
    "copies": lambda: SO3.band_limited(10**5),
    "irreps of a product": lambda: PAIRS.irreps(),
    "elements of a product": lambda: PAIRS.elements,
    "multiplication": lambda: LARGE.cayley_table,
    "classes": lambda: LARGE.conjugacy_classes,
    "subgroups": lambda: steer.group("D100000h", dim=3).subgroups(),
    "regular matrices": lambda: LARGE.regular(LARGE.elements[1]),
    "all regular matrices": lambda: steer.group("C1000", dim=2).regular(steer.group("C1000", dim=2).elements),
    "large irrep": lambda: SO3.irrep("1000000")(np.eye(3)),
    "harmonics": lambda: harmonics([0.1, 0.2, 0.3], 10**9),
    "harmonics of the plane": lambda: harmonics([0.1, 0.2], 10**9),
    "solid harmonics": lambda: solid_harmonics([0.1, 0.2, 0.3], 10**6),
    "action on harmonics": lambda: SO3.harmonic(10**6)(np.eye(3)),
    "wigner": lambda: wigner_d(np.eye(3), 10**6),
    "coupling": lambda: clebsch_gordan(SO3.irrep("9999"), SO3.irrep("9999"), SO3.irrep("9999")),
    "fourier": lambda: fourier(SO3, 10**9),
    "nodes": lambda: quadrature(SO3, 10**6),
    "nodes of the sphere": lambda: quadrature(SO3, 10**6, subgroup="Cinf"),
    "spread": lambda: quadrature(SO3, kind="spread", size=10**12),
    "grid": lambda: Grid((10**6, 10**6)),
    "kernel": lambda: nn.Conv2d(nn.FieldType(O2, [O2.trivial]), nn.FieldType(O2, [O2.trivial]), 10**7 + 1),
}


@pytest.mark.parametrize("use", TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_is_refused_before_any_work(use):
    _ = LARGE.elements, steer.group("C1000", dim=2).elements
    tracemalloc.start()
    try:
        with pytest.raises(SteerError, match=r"^\w+: .* would take [\d,]+ (numbers|of them).* is made; \w+"):
            use()
        assert tracemalloc.get_traced_memory()[1] < 2**26
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("digits", ["1000001", "9" * 20, "1" + "0" * 22, "9" * 5000])
@pytest.mark.parametrize("letter", ["C", "D"])
def test_names_with_many_digits_are_refused(letter, digits, dim):
    with pytest.raises(GroupError, match=r"^name: .* has n = .*at most 1,000,000, since .* told apart") as found:
        steer.group(letter + digits, dim=dim)
    assert len(str(found.value)) < 300


@pytest.mark.parametrize("name", ["C{}", "D{}", "D{}h", "S{}", "D{}d", "C{}v"])
def test_a_group_takes_no_work_until_it_is_used(name):
    dim = 2 if len(name) == 3 and name[0] != "S" else 3
    tracemalloc.start()
    try:
        group = steer.group(name.format(10**6), dim=dim)
        assert eval(repr(group)) == group
        assert group.order in (10**6, 2 * 10**6, 4 * 10**6)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def count_frames(monkeypatch, use):
    """How many settings are computed, each in time of the order of a group."""
    from steer.reps.groups import _spatial

    calls = []
    kept = _spatial.canonical_setting
    monkeypatch.setattr(_spatial, "canonical_setting", lambda *given: calls.append(1) or kept(*given))
    use()
    return len(calls)


def test_the_search_for_subgroups_grows_no_faster_than_the_square_of_the_order(monkeypatch):
    found = {n: count_frames(monkeypatch, steer.group(f"D{n}h", dim=3).subgroups) for n in (11, 22)}
    assert found[22] < 4 * found[11] + 200
    assert found[22] < 44**2


def test_sizes_below_are_made():
    assert len(SO2.irreps(10**4)) == 10**4 + 1
    assert len(quadrature(SO3, 400, subgroup="Cinf")) == 401 * 201
    assert steer.group("C500", dim=2).cayley_table.shape == (500, 500)
    assert harmonics([0.1, 0.2], 10**4).shape == (2,)
