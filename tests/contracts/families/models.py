"""Ready models, small."""

from steer import nn
from steer.nn import models

from ..case import Case
from ..settings import D4, O3

IMAGE = nn.FieldType(D4, [D4.trivial])
VOXELS = nn.FieldType(O3, [O3.trivial])


CASES: dict[str, Case] = {
    "ResNet D4 C2": Case(lambda: models.ResNet(IMAGE, 2, channels=(6, 6), blocks=1, groups=("D4", "C2")), (8, 8)),
    "ResNet O(3) irreps": Case(lambda: models.ResNet(VOXELS, 2, channels=(4,), blocks=1), (4, 4, 4)),
    "UNet D4 vector": Case(lambda: models.UNet(IMAGE, nn.FieldType(D4, [D4.vector]), channels=(4, 4)), (9, 9)),
}
