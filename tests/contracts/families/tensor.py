"""Products of fields, concatenated ReLUs, vector fields, blocks of induced fields, and changes of basis."""

import steer
from steer import nn
from tests.contracts.case import Case

D4, D8, O2 = (steer.group(name, dim=2) for name in ("D4", "D8", "O(2)"))
SO3, OCT, O3 = (steer.group(name, dim=3) for name in ("SO(3)", "O", "O(3)"))
MIXED = nn.FieldType(D4, [D4.regular, D4.trivial, D4.quotient("D1"), D4.regular, D4.quotient("C4")])
WAVES = nn.FieldType(O2, [O2.irrep(label) for label in ("0+", "1", "0-", "2", "1")])
SIGNED = nn.FieldType(D4, [D4.regular, D4.irrep("A2"), D4.vector, D4.trivial, D4.irrep("B1")])
# blocks of several sizes, beside fields that are not induced
INDUCED = nn.FieldType(
    D4, [D4.subgroup("C4").irrep("E").induce(D4), D4.irrep("E"), D4.regular, D4.subgroup("D1").irreps()[1].induce(D4)]
)
SOLID = nn.FieldType(O3, [O3.irrep(label) for label in ("1o", "0e", "1o", "2e")])
SPATIAL = nn.FieldType(OCT, 2 * [OCT.subgroup("C4").irrep("E").induce(OCT)] + [OCT.trivial, OCT.vector])
KEPT = nn.FieldType(D8, [D8.regular, D8.vector, D8.quotient("D1")]).restrict(D4)


def _square() -> nn.Module:
    return nn.TensorSquare(nn.FieldType(SO3, 2 * [SO3.band_limited(1)]), max_frequency=2)


def _parities() -> nn.Module:
    return nn.TensorSquare(nn.FieldType(O3, [O3.vector, O3.irrep("0o"), O3.vector]), keep_input=True)


def _paths() -> nn.Module:
    return nn.Bilinear(WAVES, WAVES[1:], WAVES, [(1, 0, 3), (WAVES[1], 1, WAVES[1], "uvu", False), (2, 1, 0, "uuu")])


CASES = {
    "TensorSquare SO(3) band-limited": Case(_square, (5, 5, 5)),
    "TensorSquare O(3) points": Case(_parities, (6,)),
    "TensorProduct D4 mixed": Case(lambda: nn.TensorProduct(MIXED, SIGNED), (8, 8)),
    "TensorProduct O(2) without space": Case(lambda: nn.TensorProduct(WAVES, WAVES[::-1], 2, keep_input=True)),
    "Bilinear D4 mixed": Case(lambda: nn.Bilinear(MIXED[:2], SIGNED[1:3], SIGNED[:3]), (5, 5)),
    "Bilinear O(3) points": Case(lambda: nn.Bilinear(SOLID, SOLID[1:], paths="uvu", max_frequency=2), (6,)),
    "Bilinear O(2) paths": Case(_paths),
    "CReLU D4 signed": Case(lambda: nn.CReLU(SIGNED), (7, 7)),
    "CReLU O(3) points": Case(lambda: nn.CReLU(nn.FieldType(O3, [O3.irrep("0o"), O3.trivial])), (6,)),
    "VectorFieldAct D4 mixed": Case(lambda: nn.VectorFieldAct(MIXED[:1] + MIXED[2:4]), (7, 7)),
    "VectorFieldAct O regular": Case(lambda: nn.VectorFieldAct(nn.FieldType(OCT, 2 * [OCT.regular])), (5, 5, 5)),
    "NormAct D4 per coset": Case(lambda: nn.NormAct(INDUCED, per_coset=True), (8, 8)),
    "Gate D4 per coset": Case(lambda: nn.Gate(INDUCED, per_coset=True), (8, 8)),
    "NormPool O per coset": Case(lambda: nn.NormPool(SPATIAL, per_coset=True), (5, 5, 5)),
    "Disentangle D4 mixed": Case(lambda: nn.Disentangle(MIXED + SIGNED), (7, 7)),
    "Disentangle D4 orbits": Case(lambda: nn.Disentangle(KEPT, keep_permutations=True), (7, 7)),
    "Disentangle SO(2) restricted": Case(lambda: nn.Disentangle(WAVES.restrict("SO(2)"))),
}
