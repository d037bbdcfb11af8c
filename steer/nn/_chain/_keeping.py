"""Which functions of torch leave the channels of a tensor what they are, and what fields their results have."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import torch

from .._fields._types import FieldType

SUMS: Final = ("add", "sub", "__add__", "__radd__", "__iadd__", "__sub__", "add_", "sub_", "rsub", "__isub__")
JOINS: Final = ("cat", "concat", "concatenate")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SAME: Final = _names("""
    clone detach contiguous to type type_as float double half bfloat16 cpu cuda requires_grad_ neg negative
    __neg__ positive dropout dropout1d dropout2d dropout3d alpha_dropout interpolate upsample avg_pool1d
    avg_pool2d avg_pool3d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
""")
_SCALED: Final = _names("""
    mul mul_ __mul__ __rmul__ __imul__ multiply div div_ __truediv__ __itruediv__ divide
""")
_MOVED: Final = _names("""
    __getitem__ narrow split split_with_sizes tensor_split chunk index_select flip roll rot90 permute transpose
    movedim swapaxes flatten unflatten reshape view expand repeat squeeze unsqueeze
""")
_SINGLE: Final = _names("""
    relu relu_ relu6 leaky_relu elu selu celu gelu silu mish hardswish hardtanh softplus softsign tanh sigmoid
    logsigmoid hardsigmoid abs exp square sqrt clamp clip threshold max_pool1d max_pool2d max_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
""")


def kept_types(
    name: str,
    func: Callable[..., Any],
    out: Any,
    x: torch.Tensor,
    kind: FieldType,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Iterator[tuple[torch.Tensor, FieldType]]:
    """The results of a function of a tensor of one type that have a type, and theirs.

    Args:
        name: of the function.
        func: the function.
        out: what it returned.
        x: the tensor (batch, kind.size, ...).
        kind: its type.
        args: of the call.
        kwargs: of the call.
    """
    if name in _MOVED:
        yield from _moved(func, out, x, kind, args, kwargs)
        return
    keeps = (
        name in _SAME
        or (name in _SCALED and _is_scale(name, args, x))
        or (name in ("mean", "sum") and _is_over_space(args, kwargs))
    )
    if not keeps and (name in _SINGLE or (name in ("amax", "amin") and _is_over_space(args, kwargs))):
        keeps = all(rep.is_permutation for rep in set(kind))
    if keeps and isinstance(out, torch.Tensor) and out.dim() > 1 and out.shape[1] == kind.size:
        yield out, kind


def _is_scale(name: str, args: tuple[Any, ...], x: torch.Tensor) -> bool:
    """Whether the other factor is one for all channels, and no dividend."""
    if "div" in name and args[0] is not x:
        return False
    other = args[1] if args[0] is x else args[0]
    if not isinstance(other, torch.Tensor):
        return True
    return other.dim() < x.dim() - 1 or other.shape[other.dim() - x.dim() + 1] == 1


def _is_over_space(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether the axes that are summed over are of space."""
    axes = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
    given = axes if isinstance(axes, tuple | list | torch.Size) else (axes,)
    return all(isinstance(axis, int) and axis % args[0].dim() > 1 for axis in given)


def _moved(
    func: Callable[..., Any],
    out: Any,
    x: torch.Tensor,
    kind: FieldType,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Iterator[tuple[torch.Tensor, FieldType]]:
    """Those of results in other places whose channels are whole fields: the numbers of channels move alike."""
    numbers = torch.arange(kind.size, device=x.device).reshape(1, -1, *(x.dim() - 2) * [1]).expand(x.shape)
    found = func(numbers, *args[1:], **kwargs)
    for part, moved in zip(_listed(out), _listed(found), strict=True):
        if moved.dim() < 2 or not moved.numel():
            continue
        first = moved[(slice(0, 1), slice(None), *(moved.dim() - 2) * [slice(0, 1)])]
        if bool((moved == first).all()):
            fields = _whole_fields(kind, first.flatten().tolist())
            if fields:
                yield part, FieldType(kind.group, [kind[field] for field in fields])


def _listed(value: Any) -> list[torch.Tensor]:
    return [part for part in (value if isinstance(value, tuple | list) else [value]) if isinstance(part, torch.Tensor)]


def _whole_fields(kind: FieldType, channels: list[int]) -> list[int]:
    """The fields whose channels these are, one field after the other; none where they are not whole."""
    first, out = {start: field for field, start in enumerate(kind.offsets[:-1])}, list[int]()
    place = 0
    while place < len(channels):
        field = first.get(channels[place])
        if field is None:
            return []
        size = kind.offsets[field + 1] - kind.offsets[field]
        if channels[place : place + size] != list(range(kind.offsets[field], kind.offsets[field + 1])):
            return []
        out.append(field)
        place += size
    return out
