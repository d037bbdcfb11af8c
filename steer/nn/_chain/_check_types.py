"""Types of plain tensors, followed through a model of torch."""

from collections.abc import Callable, MutableMapping
from typing import Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

from ...errors import FieldTypeError, SteerError
from .._engine._module import Module
from .._fields._types import FieldType
from ._keeping import JOINS, SUMS, kept_types


def check_types(model: torch.nn.Module, *inputs: Any, **options: Any) -> tuple[str, ...]:
    """Run a model once, and refuse a module that is given the plain tensor of another one with other fields.

    Plain tensors have no type, so that modules in a `torch.nn.Sequential`, or in a forward of your own, can be given
    fields of another type with as many channels: the network runs, and is not equivariant. (`nn.Sequential` compares
    types when it is built, and a `FieldTensor` carries its own.) Here the outputs of modules keep the module's type for
    the time of one run. Of the functions of torch, these keep it:

    - copies and casts (`clone`, `detach`, `contiguous`, `to`), changed signs, and products with numbers and with
      tensors of one channel;
    - sums and differences of fields of one type, and concatenations along the channels;
    - slices, permutations and reshapes, and parts (`x[:, 4:8]`, `split`, `chunk`) that hold whole fields;
    - means, interpolation and average pools over space, and dropout (which is off here);
    - `relu`, `tanh` and other functions of single numbers, and maxima over space, of fields that the group permutes. Of
      others they are not equivariant, and the result has no known type.

    What any other function returns has no known type.

    The run is in evaluation mode without gradients; modes are what they were afterwards.

    Args:
        model: any module that contains modules of steer.
        *inputs: what it is called with.
        **options: what it is called with, by name.

    Returns:
        The names of those modules of steer that were given a tensor of unknown type, which were not checked: that of
        the first, and those behind functions of torch.

    Raises:
        SteerError: `model` is no module.
        FieldTypeError: names the two modules and their types, or says that fields of two types are added.

    Example:
        >>> import steer, torch
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> scalars, regular = nn.FieldType(G, 4 * [G.trivial]), nn.FieldType(G, [G.regular])
        >>> model = torch.nn.Sequential(nn.Conv2d(scalars, regular, 3), nn.ReLU(regular), nn.BatchNorm(scalars))
        >>> nn.check_types(model, torch.zeros(1, 4, 8, 8))  # doctest: +NORMALIZE_WHITESPACE
        Traceback (most recent call last):
            ...
        steer.errors.FieldTypeError: model: module '2' (BatchNorm) expects fields of type 4 A of C4 (4 channels), but is
        given the output of module '1' (ReLU), of type regular of C4 (4 channels)
    """
    if not isinstance(model, torch.nn.Module):
        raise SteerError(f"model: expected a torch.nn.Module, got {model!r}")
    followed, modes = _Followed(), {module: module.training for module in model.modules()}
    handles = []
    for name, module in model.named_modules():
        if isinstance(module, Module):
            before, after = followed.hooks(name, module)
            handles += [module.register_forward_pre_hook(before, with_kwargs=True), module.register_forward_hook(after)]
    try:
        model.eval()
        with torch.no_grad(), followed:
            model(*inputs, **options)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return tuple(followed.unknown)


class _Followed(torch.overrides.TorchFunctionMode):
    """The types of tensors, and the modules that they are from."""

    def __init__(self) -> None:
        super().__init__()
        # a tensor that a module returns as it is, as nn.Restrict does, has several types
        self.known: MutableMapping[torch.Tensor, dict[FieldType, str]] = WeakIdKeyDictionary()
        self.unknown: dict[str, None] = {}

    def hooks(self, name: str, module: Module) -> tuple[Callable[..., None], Callable[..., None]]:
        """What is done before and after a module."""
        who = f"module {name!r} ({type(module).__name__})" if name else type(module).__name__

        def before(_: torch.nn.Module, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
            for x, wanted in module._given(args, keywords):
                if not isinstance(x, torch.Tensor):
                    continue  # a FieldTensor, which the module checks
                types = self.known.get(x)
                if types is None:
                    self.unknown[name] = None
                elif wanted not in types:
                    other, source = next(reversed(types.items()))
                    raise FieldTypeError(
                        f"model: {who} expects fields of type {wanted}, but is given {source}, of type {other}"
                    )

        def after(_: torch.nn.Module, __: tuple[Any, ...], out: Any) -> None:
            if isinstance(out, torch.Tensor):
                self._set(out, module.out_type, f"the output of {who}")

        return before, after

    def _set(self, x: torch.Tensor, kind: FieldType, source: str) -> None:
        types = self.known.setdefault(x, {})
        types.pop(kind, None)
        types[kind] = source

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name, named = getattr(func, "__name__", ""), kwargs or {}
        if name in SUMS and isinstance(out, torch.Tensor):
            self._sum(out, args)
        elif name in JOINS and args:
            self._join(out, args, named)
        elif args and isinstance(args[0], torch.Tensor):
            self._keep(name, func, out, args, named)
        return out

    def _keep(self, name: str, func: Any, out: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Give the results of one function of a tensor the types that they have, if it leaves some."""
        x = next((arg for arg in args[:2] if isinstance(arg, torch.Tensor) and arg in self.known), None)
        if x is None:
            return
        known = list(self.known[x].items())
        if out is x:  # in place
            del self.known[x]
        for kind, source in known:
            for part, found in kept_types(name, func, out, x, kind, args, kwargs):
                self._set(part, found, source if found == kind else f"a part of {source}")

    def _sum(self, out: torch.Tensor, args: tuple[Any, ...]) -> None:
        parts = [part for part in args if isinstance(part, torch.Tensor) and part.dim() > 1]
        found = [self.known[part] for part in parts if part in self.known]
        if not found or len(found) < len(parts):
            return
        common = {kind: source for kind, source in found[0].items() if all(kind in others for others in found)}
        if not common:
            (one, source), (other, again) = (next(reversed(types.items())) for types in found[:2])
            raise FieldTypeError(f"model: {source}, of type {one}, and {again}, of type {other}, are added")
        for kind, source in common.items():
            self._set(out, kind, source if len(found) == 1 else "a sum")

    def _join(self, out: torch.Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        axis = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis", 0))
        found = [self.known[part] for part in args[0] if part in self.known]
        if axis not in (1, 1 - out.dim()) or len(found) < len(args[0]):
            return
        kinds = [next(reversed(types)) for types in found]
        if all(kind.group == kinds[0].group for kind in kinds):
            joined = FieldType(kinds[0].group, [rep for kind in kinds for rep in kind])
            self._set(out, joined, "a concatenation")
