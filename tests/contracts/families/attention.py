"""Attention between pixels and between points, without and with distances."""

import steer
from steer import nn
from tests.contracts.case import Case

D4, O2 = (steer.group(name, dim=2) for name in ("D4", "O(2)"))
O3 = steer.group("O(3)", dim=3)
REGULAR = nn.FieldType(D4, [D4.regular, D4.trivial, D4.regular, D4.trivial])
WAVES = nn.FieldType(O2, [O2.irrep(label) for label in ("0+", "1", "0-", "2")])
SPATIAL = nn.FieldType(O3, 2 * [O3.irrep("0e"), O3.irrep("1o")])
SMALL = nn.FieldType(O3, [O3.irrep("0e"), O3.irrep("1o")])

CASES = {
    "SelfAttention D4 regular": Case(lambda: nn.SelfAttention(REGULAR, num_heads=2, bias=False), (5, 5)),
    "SelfAttention O(2) distances": Case(lambda: nn.SelfAttention(WAVES, WAVES[:2], distances=3), (5, 5)),
    "SelfAttention O(3) points": Case(lambda: nn.SelfAttention(SPATIAL, num_heads=2), (6,)),
    "SelfAttention O(3) distances": Case(lambda: nn.SelfAttention(SMALL, distances=2), (3, 3, 3)),
}
