"""Layers that act on space: convolutions, pooling, masks; linear maps; chains."""

import steer
from steer import nn

from ..case import Case
from ..settings import C8, D4, IRREPS, LINES, MIXED, O2, O3, SERIES, SPACES, UNIFORM, in_settings

C6 = steer.group("C6", dim=2)
IMAGE = nn.FieldType(D4, 2 * [D4.trivial])
REGULAR = nn.FieldType(D4, 2 * [D4.regular])
WAVES = nn.FieldType(O2, [O2.irrep("0+"), O2.irrep("1"), O2.irrep("2")])
VOXELS = nn.FieldType(O3, [O3.irrep("0e"), O3.irrep("1o")])
HEXAGONS = nn.FieldType(C6, [C6.regular, C6.trivial])
ELSEWHERE = {"equivariance": "hexagons do not turn as squares do", "equivariance_after_training": "the same"}
BETWEEN = {"compile": "in training it draws between graphs: tests/nn/test_random_transform.py"}

LINE = next(iter(LINES.values()))[0]

CASES: dict[str, Case] = {
    "Conv1d D1 fields": Case(lambda: nn.Conv1d(LINE, LINE, 3, padding=1), (9,)),
    "Conv1d O vectors in time": Case(lambda: nn.Conv1d(SERIES, SERIES, 5, stride=2, padding=2), (9,)),
    "ConvTranspose1d D1 fields": Case(lambda: nn.ConvTranspose1d(LINE, LINE, 4, stride=2, padding=1), (8,)),
    "Conv2d D4 regular": Case(lambda: nn.Conv2d(REGULAR, REGULAR, 3, padding=1), (6, 6)),
    "Conv2d D4 pixel, stride": Case(lambda: nn.Conv2d(IMAGE, REGULAR, 3, stride=2, padding=1, basis="pixel"), (7, 7)),
    "Conv2d D4 filtered": Case(
        lambda: nn.Conv2d(REGULAR, REGULAR, 5, padding=2, basis_filter=lambda e: (e.degree + e.in_part) % 2 == 0),
        (6, 6),
    ),
    "Conv2d O(2) irreps": Case(lambda: nn.Conv2d(WAVES, WAVES, 5, padding=2), (6, 6)),
    "Conv3d O(3) irreps": Case(lambda: nn.Conv3d(VOXELS, VOXELS, 3, padding=1), (4, 4, 4)),
    "ConvTranspose2d O(2) irreps": Case(lambda: nn.ConvTranspose2d(WAVES, WAVES, 4, stride=2, padding=1), (5, 5)),
    "ConvTranspose3d O(3) irreps": Case(lambda: nn.ConvTranspose3d(VOXELS, VOXELS, 3), (3, 3, 3)),
    "HexConv2d C6 regular": Case(lambda: nn.HexConv2d(HEXAGONS, HEXAGONS, 3, padding=1), (7, 7), without=ELSEWHERE),
    "HexPool C6 regular": Case(lambda: nn.HexPool(HEXAGONS, 3, 1, padding=1), (7, 7), without=ELSEWHERE),
    "HexMask C6 regular": Case(lambda: nn.HexMask(HEXAGONS), (7, 7), without=ELSEWHERE),
    "Linear O(2) irreps": Case(lambda: nn.Linear(WAVES, WAVES), ()),
    "Linear C8 regular": Case(
        lambda: nn.Linear(nn.FieldType(C8, 2 * [C8.regular]), nn.FieldType(C8, 3 * [C8.regular])), ()
    ),
    "Linear O(2) irreps, maps": Case(lambda: nn.Linear(WAVES, WAVES), (6, 6)),
    "Linear O(3) irreps, points": Case(lambda: nn.Linear(VOXELS, VOXELS, bias=False), (7,)),
    **in_settings("AvgPool", SPACES),
    **in_settings("AvgPool even", SPACES),
    **in_settings("BlurPool even", SPACES),
    **in_settings("MaxPool", {**MIXED, **UNIFORM}),
    **in_settings("BlurPool", {**SPACES, **LINES}),
    **in_settings("Mask", SPACES),
    "RandomTransform O(2) irreps": Case(lambda: nn.RandomTransform(WAVES), (6, 5), without=BETWEEN),
    "RandomTransform O(3) irreps": Case(lambda: nn.RandomTransform(VOXELS, 0.5, order=1), (4, 4, 4), without=BETWEEN),
    "RandomTransform C6 hexagonal": Case(
        lambda: nn.RandomTransform(HEXAGONS, lattice="hexagonal"), (7, 7), without=BETWEEN
    ),
    **in_settings("Restrict", SPACES),
    **in_settings(
        "Sequential",
        IRREPS,
    ),
}
