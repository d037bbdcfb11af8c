"""The three networks: C8-regular, SO(2)-irrep and plain, of about equal parameters."""

from collections.abc import Sequence

import torch

from .. import group, nn
from ..reps import Group, Representation

CLASSES = 10


class Classifier(torch.nn.Module):
    """A convolutional body, the mean over the image, and a linear layer on what is left."""

    body: nn.Sequential | torch.nn.Sequential

    def __init__(self, body: nn.Sequential | torch.nn.Sequential, features: int) -> None:
        super().__init__()
        self.body = body
        self.head = torch.nn.Linear(features, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Class scores (batch, 10) of images (batch, 1, y, x)."""
        return self.head(self.body(x).mean((2, 3)))  # type: ignore[no-any-return]


def regular(name: str = "C8", widths: Sequence[int] = (8, 8, 12)) -> Classifier:
    """Regular fields of a finite group: ReLU acts on each orientation, the maximum over orientations is invariant."""
    act = group(name, dim=2)
    layers: list[nn.Module] = []
    field = nn.FieldType(act, [act.trivial])
    for i, width in enumerate(widths):
        out = nn.FieldType(act, width * [act.regular])
        layers += [nn.Conv2d(field, out, 5, padding=2, bias=False), nn.BatchNorm(out), nn.ReLU(out, inplace=True)]
        layers += [nn.BlurPool(out)] if i + 1 < len(widths) else []
        field = out
    return Classifier(nn.Sequential(*layers, nn.GroupPool(field)), len(field))


def irreps(widths: Sequence[int] = (8, 10, 14), max_frequency: int = 3) -> Classifier:
    """Irrep fields of SO(2): the nonlinearity acts on the length of each field, the lengths are invariant."""
    act: Group = group("SO(2)", dim=2)
    fibre: list[Representation] = [*act.irreps(max_frequency)]
    layers: list[nn.Module] = []
    field = nn.FieldType(act, [act.trivial])
    for i, width in enumerate(widths):
        out = nn.FieldType(act, [psi for psi in fibre for _ in range(width)])
        layers += [nn.Conv2d(field, out, 5, padding=2, bias=False), nn.BatchNorm(out), nn.NormAct(out)]
        layers += [nn.BlurPool(out)] if i + 1 < len(widths) else []
        field = out
    return Classifier(nn.Sequential(*layers, nn.NormPool(field)), len(field))


def plain(widths: Sequence[int] = (16, 20, 18)) -> Classifier:
    """The same layers in plain torch."""
    layers: list[torch.nn.Module] = []
    channels = 1
    for i, width in enumerate(widths):
        layers += [torch.nn.Conv2d(channels, width, 5, padding=2, bias=False), torch.nn.BatchNorm2d(width)]
        layers += [torch.nn.ReLU(inplace=True)]
        layers += [torch.nn.AvgPool2d(3, 2, 1)] if i + 1 < len(widths) else []
        channels = width
    return Classifier(torch.nn.Sequential(*layers), channels)
