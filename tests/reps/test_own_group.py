"""A family of groups of one's own: the quaternion group, by the interface that `Group` documents."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import steer
from steer import nn
from steer.errors import GroupError, RepresentationError
from steer.kernels import Rings, kernel_basis
from steer.reps import Group, Irrep, IrrepData, clebsch_gordan, decompose, direct_product, multiplicity
from steer.testing import assert_equivariant, assert_kernel_constraint

ONE = np.eye(4)
LEFT_I = np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]])
LEFT_J = np.array([[0.0, 0, -1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, -1, 0, 0]])


@dataclass(frozen=True)
class Quaternions(Group):
    """The group of 1, -1, i, -i, j, -j, k and -k, or of the first 1, 2 or 4 of them, as matrices on the quaternions.

    It turns space by x -> q x q^-1, half turns about x, y and z. The irreps of Q8 are "A", the signs of x, y and z
    under these half turns, "B1", "B2" and "B3", and the quaternions themselves, "H".
    """

    order: int = 8
    dim = 3
    element_size = 4

    @property
    def name(self):
        return {1: "C1", 2: "C2", 4: "C4", 8: "Q8"}[self.order]

    @property
    def components(self):
        found = np.stack([sign * q for q in (ONE, LEFT_I, LEFT_J, LEFT_I @ LEFT_J) for sign in (1, -1)])
        return found[: self.order]

    @property
    def trivial_subgroup(self):
        return Quaternions(1)

    def subgroups(self, max_order=12):
        return tuple(Quaternions(order) for order in (1, 2, 4, 8) if order <= self.order)

    def _action(self, g):
        w, x, y, z = np.moveaxis(g[..., 0] ** 2, -1, 0)  # one of them is 1, the others are 0
        return np.stack([w + x - y - z, w - x + y - z, w - x - y + z], axis=-1)[..., None] * np.eye(3)

    def _labels(self, max_frequency):
        known = {1: "A", 2: "AB", 4: "AEB", 8: ("A", "B1", "B2", "B3", "H")}[self.order]
        return tuple(label for label in known if label == "A" or max_frequency is None or max_frequency > 0)

    def _irrep_data(self, label):
        if label not in self._labels(None):
            return None
        if label == "A":
            return IrrepData(1, 0, "real", lambda g: np.ones((*g.shape[:-2], 1, 1)))
        if label in "EH":
            size, kind = (2, "complex") if label == "E" else (4, "quaternionic")
            return IrrepData(size, 1, kind, lambda g: g[..., :size, :size])
        if self.order == 2:
            return IrrepData(1, 1, "real", lambda g: g[..., :1, :1])
        axis = int(label[1]) - 1 if self.order == 8 else 1
        return IrrepData(1, 1, "real", lambda g: self._action(g)[..., axis, axis, None, None])


Q8 = Quaternions()
GROUPS = Q8.subgroups()


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_it_is_a_group_with_all_its_irreps(group):
    assert len(group.elements) == group.order
    assert group.contains(group.elements[:, None] @ group.elements).all()
    assert not group.contains(np.full((4, 4), 0.5))
    np.testing.assert_array_equal(
        group._inverse(group.elements) @ group.elements, np.broadcast_to(ONE, (group.order, 4, 4))
    )
    share = {"real": 1, "complex": 2, "quaternionic": 4}
    assert sum(psi.size**2 // share[psi.type] for psi in group.irreps()) == group.order
    for psi in group.irreps():
        g = group.elements
        np.testing.assert_allclose(psi(g[:, None]) @ psi(g), psi(g[:, None] @ g), atol=1e-15)
        assert multiplicity(psi, psi) == share[psi.type]


def test_irreps_are_values_whose_label_is_understood_once():
    psi = Q8.irrep("H")
    assert psi == Irrep(Quaternions(), "H") == pickle.loads(pickle.dumps(psi))
    assert psi._data is psi._data
    assert (psi.size, psi.frequency, psi.type, Q8.trivial.label) == (4, 1, "quaternionic", "A")
    with pytest.raises(RepresentationError, match=r"label: Q8 has no irrep 'E'"):
        Q8.irrep("E")


def test_subgroups():
    assert Q8.subgroup("C4") == Quaternions(4) <= Q8
    assert not Quaternions(4) >= Q8
    with pytest.raises(GroupError, match=r"name: 'D4' is not a subgroup of Q8; its subgroups are C1, C2, C4, Q8"):
        Q8.subgroup("D4")
    with pytest.raises(GroupError, match="axis: unknown argument; a subgroup of Q8 takes a name only"):
        Q8.subgroup("C2", axis="z")
    assert len(Q8.conjugacy_classes) == len(Q8.irreps())
    assert Q8.index("C2") == 4


def test_representations_split():
    assert {psi.label: n for psi, n in decompose(Q8.regular).multiplicities.items()} == {
        **{"A": 1, "B1": 1, "B2": 1, "B3": 1},
        "H": 1,
    }
    assert [psi.label for psi in Q8.vector.irreps] == ["B1", "B2", "B3"]
    assert [psi.label for psi in Q8.harmonic(2).irreps] == ["A", "A", "B1", "B2", "B3"]
    assert [psi.label for psi in Q8.irrep("H").restrict("C4").irreps] == ["E", "E"]
    assert [psi.label for psi in Quaternions(4).irrep("E").induce(Q8).irreps] == ["H"]
    assert len(clebsch_gordan(Q8.irrep("H"), Q8.irrep("H"), Q8.irrep("B1"))) == 4
    assert direct_product(Q8, steer.group("D3", dim=2)).irrep("(H, E)").type == "quaternionic"


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_kernels(group):
    types = [group.vector, group.irreps()[-1] + group.trivial]
    for in_rep in types:
        for out_rep in types:
            assert_kernel_constraint(kernel_basis(in_rep, out_rep, max_frequency=2))


def test_networks_are_equivariant():
    image = nn.FieldType(Q8, [Q8.trivial, Q8.vector])
    hidden = nn.FieldType(Q8, [Q8.regular, Q8.irrep("B2")])
    scores = nn.FieldType(Q8, [Q8.irrep("H"), Q8.vector])  # -1 acts on what comes from functions of the group alone
    torch.manual_seed(0)
    conv = nn.Conv3d(image, hidden, 3, padding=1)
    network = nn.Sequential(conv, nn.NormAct(hidden), nn.Conv3d(hidden, scores, 3, basis="pixel"))
    assert_equivariant(network, elements=Q8.elements)


@dataclass(frozen=True)
class Unordered(Quaternions):
    """The same elements, -1 first: the subgroup of the first element lacks the identity."""

    @property
    def components(self):
        return Quaternions(8).components[[1, 0, *range(2, 8)][: self.order]]

    @property
    def trivial_subgroup(self):
        return Unordered(1)


def test_cosets_of_a_group_whose_first_element_is_not_the_identity_are_refused():
    with pytest.raises(GroupError, match=r"components: element 0 of .* the identity first"):
        _ = Unordered().regular.size


class OnFourAxes(Quaternions):
    """The same group, moving the quaternions themselves."""

    dim = 4

    @property
    def trivial_subgroup(self):
        return OnFourAxes(1)

    def subgroups(self, max_order=12):
        return tuple(OnFourAxes(small.order) for small in super().subgroups())

    def _action(self, g):
        return g

    def _irrep_data(self, label):
        return Quaternions(self.order)._irrep_data(label)


def test_linear_maps_need_no_harmonics():
    group = OnFourAxes()
    fields = nn.FieldType(group, [group.vector, group.regular])
    layer = nn.Linear(fields, fields, dtype=torch.float64)
    assert_equivariant(layer, torch.randn(3, 12, dtype=torch.float64), elements=group.elements)
    assert layer.plan.num_weights == 4 + 2 * 4 + 8
    with pytest.raises(RepresentationError, match="degree: there are no harmonics above degree 0 in 4 dimensions"):
        kernel_basis(group.vector, group.vector, radial=Rings((1.0,), (0.6,), (1,)))
