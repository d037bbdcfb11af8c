"""What the layers of a network lose together, and the sizes of its input for which they lose nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from ...errors import ShapeError
from .._fields._types import FieldTensor, FieldType
from ._sampling import FAR, GridLoss, by, loss_of, symmetries


def network_loss(network: torch.nn.Module, in_type: FieldType, space: tuple[int, ...]) -> GridLoss | None:
    """What a network loses on maps of one size; see `steer.nn.grid_loss`.

    Args:
        network: any module with layers of this package inside.
        in_type: type of its input.
        space: the size ([z,] y, x).

    Returns:
        The loss, without options; None where there is none.

    Raises:
        ShapeError: the network does not take maps of this size.
    """
    dim = in_type.group.dim
    if len(space) != dim:
        raise ShapeError(f"space: expected {dim} sizes, got {space}")
    with _noted(network) as run:
        found = run(in_type, space)
        if not found:
            return None
        axes = sorted({axis for _, loss, _ in found for axis in loss.axes})
        near = [_near(run, in_type, space, axes, sign) for sign in (-1, 1)]
    moves = np.concatenate([part.in_type.group.action(loss.elements) for _, loss, part in found])
    elements = symmetries(in_type.group, found[0][2].spacing)
    lost = (np.abs(in_type.group.action(elements)[:, None] - moves).max(axis=(-2, -1)) < 1e-6).any(axis=1)
    layers = dict.fromkeys(f"{name} (on {by(loss.space)})" for name, loss, _ in found)
    sizes = tuple(size for size in near if size is not None)
    return GridLoss(space, tuple(axes), elements[lost], len(elements), sizes, {}, tuple(layers))


@contextmanager
def _noted(network: torch.nn.Module) -> Iterator[Any]:
    """A function of type and size that runs the network without data: the losses of its layers."""
    met: list[tuple[str, Any, tuple[int, ...]]] = []

    def noting(name: str) -> Any:
        def note(part: Any, given: tuple[Any, ...]) -> None:
            x = given[0].tensor if given and isinstance(given[0], FieldTensor) else given[0] if given else None
            if isinstance(x, torch.Tensor) and x.dim() == part.in_type.group.dim + 2:
                met.append((name, part, tuple(x.shape[2:])))

        return note

    state = {name: value.detach().to("meta") for name, value in network.state_dict(keep_vars=True).items()}
    dtype = next((value.dtype for value in state.values() if value.is_floating_point()), torch.float32)

    def run(in_type: FieldType, space: tuple[int, ...]) -> list[tuple[str, GridLoss, Any]]:
        met.clear()
        x = torch.empty(1, in_type.size, *space, device="meta", dtype=dtype)
        with torch.no_grad():
            torch.func.functional_call(network, state, (x,))
        losses = [(name, loss_of(part.in_type.group, part.sampling, at, part.spacing), part) for name, part, at in met]
        return [(name, loss, part) for name, loss, part in losses if loss is not None]

    modes = [(part, part.training) for part in network.modules()]
    whole: list[str] = []  # what samples inside of a layer that samples is part of it
    handles = []
    for name, part in network.named_modules():
        square = getattr(part, "sampling", ()) and getattr(part, "lattice", "square") == "square"
        if square and not name.startswith(tuple(whole)):
            whole.append(f"{name}.")
            handles.append(part.register_forward_pre_hook(noting(f"{type(part).__name__} {name}".rstrip())))
    network.eval()
    try:
        yield run
    finally:
        for handle in handles:
            handle.remove()
        for part, training in modes:
            part.training = training


def _near(run: Any, in_type: FieldType, space: tuple[int, ...], axes: list[int], sign: int) -> tuple[int, ...] | None:
    """The nearest smaller or larger size for which nothing is lost.

    What is read along an axis does not depend on the sizes of the others, so that all are tried at once.
    """
    left, out = set(axes), list(space)
    for step in range(1, FAR):
        tried = tuple(n + sign * step if axis in axes else n for axis, n in enumerate(space))
        if min(tried) < 1:
            return None
        try:
            lost = {axis for _, loss, _ in run(in_type, tried) for axis in loss.axes}
        except (ShapeError, RuntimeError):  # too small, or of another size than the network takes
            continue
        for axis in left - lost:
            out[axis] = tried[axis]
        left &= lost
        if not left:
            return tuple(out)
    return None
