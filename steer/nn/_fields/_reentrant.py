"""Field tensors and reentrant checkpoints of torch, which differentiate tensors that are arguments or results alone.

`torch.utils.checkpoint` with ``use_reentrant=True`` runs a function without gradients and, in the backward pass, once
more with them. What it does not see to be a tensor it passes through: a field that goes in or comes out has no
gradient. Inside, where tensors go in and out, all is right.
"""

import itertools
import sys
from types import FrameType
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointFunction

from ...errors import SteerError
from ._like import TensorLike

_FORWARD = CheckpointFunction.forward.__code__
_numbers = itertools.count()

_REMEDY = (
    "would be lost in torch.utils.checkpoint with use_reentrant=True, which sees plain tensors only; pass "
    "use_reentrant=False, or give the function plain tensors and return plain ones: make fields inside by "
    "field_type(x), return f.tensor"
)


def _passes() -> list[Any]:
    """The contexts of the reentrant checkpoints that run without gradients here, the innermost first."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code is _FORWARD:
            found.append(frame.f_locals["ctx"])
        frame = frame.f_back
    return found


def require_gradients() -> list[Any]:
    """Refuse a reentrant checkpoint whose results get no gradient though a field among its arguments has one.

    Returns:
        The contexts of the checkpoints whose pass without gradients this is part of, the innermost first.

    Raises:
        SteerError: says what to do.
    """
    passes = [] if torch.compiler.is_compiling() else _passes()
    for innermost in passes[:1]:
        # torch sets the inputs once it has mapped over them, by which fields are made
        inputs = getattr(innermost, "inputs", [])
        given = torch.utils._pytree.tree_leaves(inputs, is_leaf=lambda part: isinstance(part, TensorLike))
        with_gradient = any(isinstance(part, TensorLike) and part.requires_grad for part in given)
        if with_gradient and not any(innermost.needs_input_grad):
            raise SteerError(f"x: the gradient of a FieldTensor {_REMEDY}")
    return passes


def enter(field: TensorLike) -> None:
    """Take note that a field is made; to be called where gradients are disabled.

    In a reentrant checkpoint whose results get gradients it is lent: its tensor is read by `lent`, which knows whether
    the field has left. Fields outside of checkpoints are as they were.

    Raises:
        SteerError: as `require_gradients`.
    """
    passes = require_gradients()
    # with next functions, gradients are enabled around the checkpoint and an argument has one
    if passes and passes[0].next_functions:
        if not hasattr(passes[0], "number_of_pass"):
            passes[0].number_of_pass = next(_numbers)
        field.__dict__["_lent"] = field.__dict__.pop("tensor"), passes[0].number_of_pass


def lent(field: TensorLike) -> torch.Tensor:
    """The tensor of a field that was made in a reentrant checkpoint.

    Raises:
        SteerError: the field has left the checkpoint, where its tensor has no gradient, and is to have one.
    """
    tensor: torch.Tensor
    tensor, number = field.__dict__["_lent"]
    if torch.compiler.is_compiling():
        return tensor
    passes = _passes()
    if (torch.is_grad_enabled() or passes) and all(getattr(one, "number_of_pass", -1) != number for one in passes):
        raise SteerError(f"x: the gradient of a FieldTensor {_REMEDY}")
    return tensor
