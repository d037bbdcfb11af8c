"""Irreps of the point groups against the published character tables: labels, characters, classes, names."""

import itertools

import numpy as np
import pytest

import steer
from steer.reps import clebsch_gordan
from steer.reps.groups._names import HERMANN_MAUGUIN
from steer.reps.theory._intertwiner import projected_intertwiners
from tests.catalogue import O3, SO3, TOL
from tests.reps import character_tables
from tests.reps.character_tables import TABLES, matrices

POINT_GROUPS = sorted(set(character_tables.HERMANN_MAUGUIN.values()))


def test_the_tables_hold_the_32_point_groups_and_the_icosahedral_ones():
    assert len(POINT_GROUPS) == 32
    assert {*POINT_GROUPS, "I", "Ih"} <= set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_labels_and_characters_are_those_of_the_table(name):
    group, table = steer.group(name, dim=3), TABLES[name]
    representatives = np.stack([matrices(name, operation) for operation, _ in table.classes])
    assert group.contains(representatives).all()
    assert [psi.label for psi in group.irreps()] == list(table.rows)
    for psi in group.irreps():
        np.testing.assert_allclose(psi.character(representatives), table.rows[psi.label], atol=TOL)


@pytest.mark.parametrize("name", TABLES)
def test_classes_are_those_of_the_table(name):
    # columns of real tables hold a class and that of its inverses
    group, table = steer.group(name, dim=3), TABLES[name]
    of_element = {i: set(found) for found in group.conjugacy_classes for i in found}
    seen = set()
    for operation, count in table.classes:
        g = matrices(name, operation)
        members = of_element[int(group.nearest_index(g))] | of_element[int(group.nearest_index(g.T))]
        assert len(members) == count
        assert not members & seen
        seen |= members
    assert len(seen) == group.order


@pytest.mark.parametrize("name", POINT_GROUPS)
def test_type_is_complex_where_the_table_adds_two_conjugate_rows(name):
    table, group = TABLES[name], steer.group(name, dim=3)
    counts = np.array([count for _, count in table.classes])
    for psi in group.irreps():
        norm = counts @ np.square(table.rows[psi.label]) / group.order
        assert psi.type == ("complex" if round(norm) == 2 else "real")


def test_hermann_mauguin_symbols():
    for symbol, name in character_tables.HERMANN_MAUGUIN.items():
        assert HERMANN_MAUGUIN[symbol] == name
        assert steer.group(symbol, dim=3) == steer.group(name, dim=3)
    assert set(HERMANN_MAUGUIN) - set(character_tables.HERMANN_MAUGUIN) <= {"-4m2", "-62m"}, "other settings' symbols"
    assert steer.group("-62m", dim=3).name == "D3h"
    assert steer.group("-4m2", dim=3).name == "D2d"


def test_term_symbols_of_the_linear_groups():
    # Herzberg's symbols beside Mulliken's: Sigma, Pi, Delta, Phi are frequencies 0 to 3
    d, c = steer.group("Dinfh", dim=3), steer.group("Cinfv", dim=3)
    for symbol, label in {
        "Σg+": "A1g",
        "Sigma_u^-": "A2u",
        "Πu": "E1u",
        "Pi_g": "E1g",
        "Δg": "E2g",
        "Phiu": "E3u",
    }.items():
        assert d.irrep(symbol) == d.irrep(label)
    assert c.irrep("Σ+") == c.trivial
    assert c.irrep("Σ-") == c.irrep("A2")
    assert c.irrep("Γ") == c.irrep("E4")
    assert steer.group("Cinf", dim=3).irrep("Σ").is_trivial
    assert steer.group("Cinfh", dim=3).irrep("Σu") == steer.group("Cinfh", dim=3).irrep("Au")
    # the vector is Pi and Sigma: p orbitals of a linear molecule
    assert {psi.label for psi in d.vector.irreps} == {"A2u", "E1u"}
    assert {psi.label for psi in c.vector.irreps} == {"A1", "E1"}


SPLITTINGS = {
    # crystal field splittings of l = 1, 2, 3 (Bethe 1929; Altmann, Herzig)
    "Oh": ["T1u", "Eg T2g", "A2u T1u T2u"],
    "Td": ["T2", "E T2", "A1 T1 T2"],
    "O": ["T1", "E T2", "A2 T1 T2"],
    "T": ["T", "E T", "A T T"],
    "Ih": ["T1u", "Hg", "T2u Gu"],
    "D4h": ["A2u Eu", "A1g B1g B2g Eg", "A2u B1u B2u Eu Eu"],
    "D3h": ["A2'' E'", "A1' E' E''", "A1' A2' A2'' E' E''"],
    "D3d": ["A2u Eu", "A1g Eg Eg", "A1u A2u A2u Eu Eu"],
    "C3v": ["A1 E", "A1 E E", "A1 A1 A2 E E"],
    "D2": ["B1 B2 B3", "A A B1 B2 B3", "A B1 B1 B2 B2 B3 B3"],
    "SO(3)": ["1", "2", "3"],
    "O(3)": ["1o", "2e", "3o"],
    "Dinfh": ["A2u E1u", "A1g E1g E2g", "A2u E1u E2u E3u"],
    "Cinf": ["A E1", "A E1 E2", "A E1 E2 E3"],
}


@pytest.mark.parametrize("name", SPLITTINGS)
def test_splitting_of_the_harmonics(name):
    group = steer.group(name, dim=3)
    for degree, labels in enumerate(SPLITTINGS[name], start=1):
        assert sorted(psi.label for psi in group.harmonic(degree).irreps) == sorted(labels.split())


@pytest.mark.parametrize("group", [SO3, O3], ids=str)
def test_racah_and_the_projector_agree(group):
    for a, b in itertools.product(group.irreps(3), repeat=2):
        for c in group.irreps(4):
            closed = clebsch_gordan(a, b, c)
            projected = projected_intertwiners(a.tensor(b), c).reshape(closed.shape)
            np.testing.assert_allclose(closed, projected, atol=TOL)


@pytest.mark.parametrize("axes", [((1, 2, 3), 0.4), ((0, 1, -1), (1, 0, 0)), ((-3, 1, 0.2), 2.9)])
@pytest.mark.parametrize("name", ["C3", "C4v", "D2d", "D3h", "T", "Oh", "I", "S6", "Cinfv"])
def test_irreps_in_another_setting_are_those_of_the_standard_one(name, axes):
    group = steer.group(name, dim=3)
    where = {"axis": axes[0], "secondary": axes[1]} if group.has_secondary else {"axis": axes[0]}
    tilted = O3.subgroup(name, **where)
    g = group.sample(12, seed=0)
    image = tilted.frame @ g @ tilted.frame.T
    for psi in group.irreps(None if group.is_finite else 3):
        np.testing.assert_allclose(tilted.irrep(psi.label)(image), psi(g), atol=TOL)
