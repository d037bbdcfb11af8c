"""Layers that only pass data on: chains, and a change of group."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import overload

import torch

from ...errors import FieldTypeError
from ...reps import Group
from .._engine._module import Module, require_module
from .._fields._types import FieldType, require_types


class Composite(Module):
    """A module made of modules: these check what they are given, and print their types."""

    def _check(self, x: torch.Tensor) -> None:
        """Nothing: the modules check."""

    def __repr__(self) -> str:
        return torch.nn.Module.__repr__(self)

    def extra_repr(self) -> str:
        """Nothing: the modules print their types."""
        return ""


class Sequential(Composite):
    """Modules one after the other; their types are checked once, here.

    Indexing, slicing, length, iteration and the keys of the state dict ("0.weight", ...) are those of
    `torch.nn.Sequential`.

    Args:
        *modules: steer modules, or one `OrderedDict` of them.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: no module, one that has no field types, or one whose `in_type` is not the `out_type` before it.
    """

    def __init__(self, *modules: "Module | OrderedDict[str, Module]") -> None:
        named: dict[str, object]
        if len(modules) == 1 and isinstance(modules[0], OrderedDict):
            named = dict(modules[0])
        else:
            named = {str(index): module for index, module in enumerate(modules)}
        chain: list[Module] = []
        for index, (name, given) in enumerate(named.items()):
            where = f"modules[{index}]" if name == str(index) else f"modules[{index}] ({name})"
            module = require_module(where, given)
            if chain and module.in_type != chain[-1].out_type:
                raise FieldTypeError(
                    f"{where}: {type(module).__name__} expects fields of type {module.in_type}, but the module before "
                    f"it, {type(chain[-1]).__name__}, returns {chain[-1].out_type}"
                )
            chain.append(module)
        if not chain:
            raise FieldTypeError("modules: expected at least one module, got none")
        super().__init__(chain[0].in_type, chain[-1].out_type)
        for name, module in zip(named, chain, strict=True):
            self.add_module(name, module)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        for module in self:
            x = module(x)
        return x

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        return torch.nn.Sequential(OrderedDict((name, replace(part)) for name, part in self._named()))

    def _named(self) -> list[tuple[str, Module]]:
        return [(name, module) for name, module in self._modules.items() if isinstance(module, Module)]

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> "Module | Sequential":
        if isinstance(index, slice):
            return Sequential(OrderedDict(self._named()[index]))
        return self._named()[index][1]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter([module for _, module in self._named()])


class Restrict(Module):
    """The same features, seen as fields of a subgroup, so that the layers after it need only its symmetry.

    Args:
        in_type: type of the input.
        subgroup: a subgroup of its group, or its name; `out_type` is ``in_type.restrict(subgroup)``.

    Shape:
        (batch, in_type.size, ...) -> the same.

    Raises:
        FieldTypeError: `in_type` is no FieldType.
        GroupError: not a subgroup.
    """

    def __init__(self, in_type: FieldType, subgroup: Group | str) -> None:
        require_types(type(self).__name__, in_type=in_type)
        super().__init__(in_type, in_type.restrict(subgroup))

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return x

    def _export(self) -> torch.nn.Module:
        return torch.nn.Identity()
