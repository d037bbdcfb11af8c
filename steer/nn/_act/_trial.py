"""Copies of a function, to be tried: what it may hold is copied with it, and is moved as training or loading may."""

import copy
import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch


def trials(function: torch.nn.Module) -> Iterator[tuple[bool, Callable[[], torch.nn.Module]]]:
    """How to build copies on the CPU: with all moved, where that is more; with numbers moved; if these fail, as it is.

    The first is marked True: it may fail, where integers are sizes, say, without saying anything of the function.

    Floating-point tensors move away from where they start, wherever they are held: as parameters, buffers or attributes
    of modules, in closures, defaults and globals of functions. Integers and booleans move where a checkpoint would,
    which are the persistent buffers.
    """
    if any(True for _ in _switches(function)):
        yield True, lambda: _copy(function, numbers=True, switches=True)
    yield False, lambda: _copy(function, numbers=True, switches=False)
    yield False, lambda: _copy(function, numbers=False, switches=False)


def _copy(function: torch.nn.Module, numbers: bool, switches: bool) -> torch.nn.Module:
    memo: dict[int, Any] = {}
    trial: torch.nn.Module = _copied(function, memo)
    if any(tensor.is_meta for tensor in (*trial.parameters(), *trial.buffers())):
        trial = trial.to_empty(device="cpu")
        for tensor in (*trial.parameters(), *trial.buffers()):
            tensor.zero_()
    trial = trial.to("cpu")
    held = [*trial.parameters(), *trial.buffers()]
    if any(torch.nn.parameter.is_lazy(tensor) for tensor in held):
        return trial  # its first pass makes them
    known = {id(tensor): tensor for tensor in (*held, *memo.values()) if isinstance(tensor, torch.Tensor)}
    draw = torch.Generator().manual_seed(0)
    for tensor in known.values() if numbers else ():
        if tensor.is_floating_point() and tensor.device.type == "cpu":
            noise = torch.rand(tensor.shape, generator=draw, dtype=torch.float64)
            tensor.copy_(tensor.double() * (1 + noise / 2) + noise / 4)
    for tensor in _switches(trial) if switches else ():
        _switch(tensor, draw)
    return trial


def _switches(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Integers and booleans that a checkpoint sets."""
    for part in module.modules():
        for name, tensor in part._buffers.items():
            if tensor is None or name in part._non_persistent_buffers_set or torch.nn.parameter.is_lazy(tensor):
                continue
            if not (tensor.is_floating_point() or tensor.is_complex() or tensor.is_quantized) and tensor.numel():
                yield tensor


def _switch(tensor: torch.Tensor, draw: torch.Generator) -> None:
    """Other values, of those that are there where there are several, since integers may be indices."""
    flat = tensor.flatten()
    if not bool((flat == flat[0]).all()):
        moved = flat[torch.randperm(len(flat), generator=draw)]
    else:
        step = torch.randint(2, flat.shape, generator=draw)
        step[0] = 1
        moved = flat ^ step.bool() if flat.dtype == torch.bool else flat + step.to(flat.dtype)
    tensor.copy_(moved.reshape(tensor.shape))


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of what a function may hold, each thing once; what holds no tensors stays itself."""
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, torch.nn.Module):
        return _copied_module(value, memo)
    if isinstance(value, torch.Tensor):
        given = value.detach()
        return _kept(value, torch.zeros_like(given, device="cpu") if value.is_meta else given.cpu().clone(), memo)
    if isinstance(value, types.FunctionType):
        return _copied_function(value, memo)
    if isinstance(value, types.MethodType):
        return types.MethodType(value.__func__, _copied(value.__self__, memo))
    if type(value) is functools.partial:
        given, named = _copied(value.args, memo), _copied(value.keywords, memo)
        return functools.partial(_copied(value.func, memo), *given, **named)
    if type(value) is list:
        return [_copied(held, memo) for held in value]
    if type(value) is tuple:
        return tuple(_copied(held, memo) for held in value)
    if type(value) is dict:
        return {key: _copied(held, memo) for key, held in value.items()}
    is_object = hasattr(value, "__dict__") and callable(value) and not isinstance(value, type)
    return copy.deepcopy(value, memo) if is_object else value


def _copied_module(module: torch.nn.Module, memo: dict[int, Any]) -> torch.nn.Module:
    out = copy.deepcopy(module, memo)
    for part in out.modules():  # the functions among its attributes are not copied yet
        for name, held in list(vars(part).items()):
            if name not in ("_parameters", "_buffers", "_modules"):
                vars(part)[name] = _copied(held, memo)
    return out


def _kept(value: Any, out: Any, memo: dict[int, Any]) -> Any:
    memo[id(value)] = memo[id(out)] = out
    return out


def _copied_function(function: types.FunctionType, memo: dict[int, Any]) -> Any:
    """A function of the same code that holds copies, in its closure, its defaults and the names that it uses."""
    compiled = getattr(function, "_torchdynamo_orig_callable", None)
    if compiled is not None:
        return _copied(compiled, memo)
    world = function.__globals__
    used = {name: world[name] for name in _names(function.__code__) if _is_state(world.get(name), world)}
    cells = tuple(types.CellType() for _ in function.__closure__ or ())
    if not (used or cells or function.__defaults__ or function.__kwdefaults__):
        return function
    fresh = dict(world) if used else world
    out = types.FunctionType(function.__code__, fresh, function.__name__, None, cells or None)
    out.__dict__.update(function.__dict__)
    _kept(function, out, memo)
    for name, held in used.items():
        fresh[name] = _copied(held, memo)
    for cell, given in zip(cells, function.__closure__ or (), strict=True):
        try:
            cell.cell_contents = _copied(given.cell_contents, memo)
        except ValueError:  # an empty cell
            continue
    out.__defaults__ = _copied(function.__defaults__, memo)
    out.__kwdefaults__ = _copied(function.__kwdefaults__, memo)
    return out


def _names(code: types.CodeType) -> set[str]:
    inner = [_names(part) for part in code.co_consts if isinstance(part, types.CodeType)]
    return set(code.co_names).union(*inner)


def _is_state(value: object, world: dict[str, Any]) -> bool:
    """Whether a global is what a function depends on: a tensor, a module, or a function beside it."""
    own = world.get("__name__", "").partition(".")[0] not in ("torch", "steer")
    beside = isinstance(value, types.FunctionType) and value.__globals__ is world
    return own and (beside or isinstance(value, torch.Tensor | torch.nn.Module))
