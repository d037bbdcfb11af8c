"""How far a layer is from commuting with its group, on generators of the symmetries of the grid."""

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch

from steer import nn
from steer.reps import Group
from steer.testing import TOLERANCES, grid_symmetries


@functools.cache
def grid_generators(group: Group) -> tuple[np.ndarray, ...]:
    """Elements that generate the symmetries of the grid in a group; the identity where it is the only one.

    A layer that commutes with two elements commutes with their product: these are as good as all. Of infinitely many,
    as of a continuous group that turns the channels alone, there are only some.
    """
    every = grid_symmetries(group)
    if not group.is_finite and not {_key(g @ h) for g in every for h in every} <= {_key(g) for g in every}:
        return tuple(every[1:])
    chosen: list[np.ndarray] = []
    reached = {_key(every[0]): every[0]}
    for g in every[::-1]:
        if _key(g) not in reached:
            chosen.append(g)
            reached = _generated(chosen)
    assert reached.keys() == {_key(g) for g in every}
    return tuple(chosen or every[:1])


def _key(g: np.ndarray) -> bytes:
    return (np.round(g, 6) + 0.0).tobytes()


def _generated(generators: Sequence[np.ndarray]) -> dict[bytes, np.ndarray]:
    """The finite group that some matrices generate."""
    found: dict[bytes, np.ndarray] = {}
    ahead = [np.eye(len(generators[0]))]
    while ahead:
        g = ahead.pop()
        if _key(g) not in found:
            found[_key(g)] = g
            ahead += [g @ h for h in generators]
    return found


def symmetry_error(
    layer: nn.Module, space: tuple[int, ...], elements: Sequence[np.ndarray] | None = None, batch: int = 1
) -> float:
    """Largest |layer(g x) - g layer(x)| relative to the largest output; infinite when the two are of other shapes."""
    x = torch.randn(batch, layer.in_type.size, *space, dtype=layer.weight.dtype)
    elements = grid_generators(layer.in_type.group) if elements is None else elements
    with torch.no_grad():
        y = layer(x)
        inputs = [layer.in_type.transform(x, g) for g in elements]
        expected = [layer.out_type.transform(y, g) for g in elements]
        if len({turned.shape for turned in inputs}) == 1:  # the filter is expanded once
            moved = list(layer(torch.cat(inputs)).split(batch))
        else:
            moved = [layer(turned) for turned in inputs]
    if any(a.shape != b.shape for a, b in zip(moved, expected, strict=True)):
        return math.inf
    return max(float((a - b).abs().max()) for a, b in zip(moved, expected, strict=True)) / float(y.abs().max())


def require_symmetry(layer: nn.Module, space: tuple[int, ...], elements: Sequence[np.ndarray] | None = None) -> None:
    """Assert that a layer with random parameters commutes with its group, in single and in double precision."""
    if layer.bias is not None:
        torch.nn.init.normal_(layer.bias)
    for dtype in (torch.float32, torch.float64):
        assert symmetry_error(layer.to(dtype), space, elements) < TOLERANCES[dtype], (layer, space, dtype)
