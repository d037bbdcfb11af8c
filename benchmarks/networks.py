"""Networks, written once for every library; the layers of the plain twins have the same channels, sizes and strides."""

from collections.abc import Callable
from math import sqrt
from typing import Any, Final

import torch
from items import Case, Network, order
from libraries import Library

PLANE_LAYERS: Final = [
    # (regular fields, edge of the kernel, padding, stride of the blur after it or 0 for none)
    (6, 7, 1, 0),
    (12, 5, 2, 2),
    (12, 5, 2, 0),
    (24, 5, 2, 2),
    (24, 5, 2, 0),
    (16, 5, 1, 1),
]
SPACE_LAYERS: Final = [(4, 5, 2), (8, 3, 1), (8, 3, 2), (16, 3, 1), (16, 3, 1)]
"""(fields of each degree 0, 1, 2; edge of the kernel; stride)"""

RESNET_STAGES: Final = [("D8", 128, 5, 2), ("D4", 256, 3, 2), ("D1", 512, 5, 2)]
"""(group, channels of the plain network, edge of the kernels, stride)"""


class Model(torch.nn.Module):
    """Plain tensors in, plain tensors out, whatever the library passes between its modules.

    (batch, channels, *space) to the features of the body, (batch, features, *space); with `averaged`, to their mean
    over space.
    """

    def __init__(self, library: Library, source: Any, body: torch.nn.Module, averaged: bool = False) -> None:
        super().__init__()
        self.body, self.averaged = body, averaged
        self._wrap, self._unwrap, self._source = library.wrap, library.unwrap, source

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self._unwrap(self.body(self._wrap(x, self._source)))
        return out.flatten(2).mean(2) if self.averaged else out


def build(library: Library, name: str, item: Case | Network) -> torch.nn.Module:
    """The layer or network of an item."""
    return layer(library, item) if isinstance(item, Case) else BUILDERS[name](library)


def layer(library: Library, case: Case) -> Model:
    """One layer from a type to itself."""
    of = library.fields(case.group, case.dim, case.kinds)
    return Model(library, of, library.conv(of, of, case.kernel, padding=case.kernel // 2))


def c8_network(library: Library) -> Model:
    """Six layers of regular C8 fields, for images of 29 x 29."""
    image = source = library.fields("C8", 2, [("trivial", 1)])
    modules: list[torch.nn.Module] = []
    for count, kernel, padding, stride in PLANE_LAYERS:
        target = library.like(source, [("regular", count)])
        modules += [library.conv(source, target, kernel, padding=padding, bias=False)]
        modules += [library.norm(target), library.relu(target)]
        if stride:
            modules.append(library.blur(target, stride, padding=2 if stride == 2 else 0))
        source = target
    modules.append(library.group_pool(source))
    return Model(library, image, library.chain(modules), averaged=True)


def so3_network(library: Library) -> Model:
    """Five gated layers of SO(3) fields of degree 0, 1, 2, for 17^3 voxels."""
    image = source = library.fields("SO(3)", 3, [("trivial", 1)])
    modules: list[torch.nn.Module] = []
    for count, kernel, stride in SPACE_LAYERS:
        wanted = library.like(source, [("trivial", count), ("1", count), ("2", count)])
        fed, gate, target = library.gate(wanted)
        modules += [library.conv(source, fed, kernel, padding=kernel // 2, stride=stride, bias=False)]
        modules += [library.norm(fed), gate]
        source = target
    return Model(library, image, library.chain(modules), averaged=True)


class ResidualBlock(torch.nn.Module):
    """Norm, ReLU, convolution, norm, ReLU, convolution with the stride, beside a shortcut."""

    def __init__(self, library: Library, source: Any, inner: Any, target: Any, kernel: int, stride: int) -> None:
        super().__init__()
        padding = kernel // 2
        self.first = library.chain([library.norm(source), library.relu(source)])
        self.second = library.chain(
            [
                library.conv(source, inner, kernel, padding=padding, bias=False),
                library.norm(inner),
                library.relu(inner),
                library.conv(inner, target, kernel, padding=padding, stride=stride, bias=False),
            ]
        )
        changed = stride != 1 or source != target
        self.shortcut = library.conv(source, target, 1, stride=stride, bias=False) if changed else None

    def forward(self, x: Any) -> Any:
        normed = self.first(x)
        return self.second(normed) + (x if self.shortcut is None else self.shortcut(normed))


def wide_resnet(library: Library) -> torch.nn.Module:
    """Wide ResNet 16-8 for STL-10, with regular fields of D8, D4 and D1 in its stages; ten classes.

    A plain layer of p channels becomes int(p sqrt(N) / N) regular fields of a group of order N: about as many
    parameters. The last stage ends in int(p sqrt(N)) trivial fields (Weiler and Cesa 2019).
    """
    image = library.fields("D8", 2, [("trivial", 3)])
    source = library.like(image, _regular("D8", 16))
    modules: list[torch.nn.Module] = [library.conv(image, source, 5, padding=2, bias=False)]
    for stage, (group, planes, kernel, stride) in enumerate(RESNET_STAGES):
        if stage:
            restricted, source = library.restrict(source, group)
            modules.append(restricted)
        wide = last = library.like(source, _regular(group, planes))
        if stage == len(RESNET_STAGES) - 1:
            last = library.like(source, [("trivial", int(planes * sqrt(order(group))))])
        modules.append(ResidualBlock(library, source, wide, wide, kernel, stride))
        modules.append(ResidualBlock(library, wide, wide, last, kernel, 1))
        source = last
    modules += [library.norm(source), library.relu(source)]
    body = torch.nn.Sequential(*modules)
    classes = torch.nn.Linear(int(RESNET_STAGES[-1][1] * sqrt(order("D1"))), 10)
    return torch.nn.Sequential(Model(library, image, body, averaged=True), classes)


def _regular(group: str, planes: int) -> list[tuple[str, int]]:
    size = order(group)
    return [("regular", int(planes * sqrt(size) / size))]


BUILDERS: Final[dict[str, Callable[[Library], torch.nn.Module]]] = {
    "C8_network": c8_network,
    "SO3_network": so3_network,
    "wide_resnet": wide_resnet,
}
