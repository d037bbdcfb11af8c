"""Layers that only pass data on: chains, and a change of group."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, overload

import torch

from ..._values import MOST_VALUES, as_tuple, is_integer
from ...errors import FieldTypeError
from ...reps import Group
from .._engine._module import Module, require_module
from .._fields._types import FieldType, require_types
from ._composite import Composite


class Sequential(Composite):
    """Modules one after the other; their types are checked once, here, and whenever the list changes.

    Indexing, slicing, iteration, ``+``, `append`, `extend`, `insert`, `pop`, ``del net[i]``, ``net[i] = module`` and
    the keys of the state dict ("0.weight", ...) are those of `torch.nn.Sequential`. A change that would leave modules
    with types that do not agree is refused, and the chain stays as it is. ``3 * net`` has the same modules, and so the
    same weights, three times over; of copies, make a list.

    Args:
        *modules: steer modules, or one list or dictionary of them.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...). Keywords of the call, such as ``mask=``, go to the
        modules that take them.

    Raises:
        FieldTypeError: no module, one that has no field types, or one whose `in_type` is not the `out_type` before it.
        SteerError: at run time, a keyword that no module takes.
    """

    def __init__(self, *modules: "Module | Iterable[Module] | Mapping[str, Module]") -> None:
        named = _named(modules)
        chain = _chained(named)
        super().__init__(chain[0].in_type, chain[-1].out_type)
        for name, module in zip(named, chain, strict=True):
            self.add_module(name, module)

    def _through(self, x: torch.Tensor, keywords: dict[str, Any]) -> torch.Tensor:
        for module in self:
            x = self._call(module, x, keywords)
        return x

    def _types_of(self, modules: list[Module]) -> tuple[FieldType, FieldType]:
        chain = _chained(OrderedDict((str(index), module) for index, module in enumerate(modules)))
        return chain[0].in_type, chain[-1].out_type

    def _plain(self, replace: Callable[[torch.nn.Module], torch.nn.Module]) -> torch.nn.Module:
        return torch.nn.Sequential(OrderedDict((name, replace(part)) for name, part in self._parts()))

    def _become(self, parts: list[tuple[str | None, object]]) -> "Sequential":
        """Take these modules, if their types agree; what is named by its place, or by none, is named by its new one."""
        taken = {name for name, _ in parts if name is not None and not name.isdecimal()}
        named: OrderedDict[str, object] = OrderedDict()
        for index, (name, module) in enumerate(parts):
            named[name if name in taken and name is not None else str(index)] = module
        chain = _chained(named)
        if any(part is self for module in chain for part in module.modules()):
            raise FieldTypeError("modules: a chain cannot hold itself")
        self._modules.clear()
        self._modules.update(zip(named, chain, strict=True))
        self.in_type, self.out_type = chain[0].in_type, chain[-1].out_type
        return self

    def append(self, module: Module) -> "Sequential":
        """Put a module at the end.

        Args:
            module: a steer module whose `in_type` is the `out_type` of this one.

        Returns:
            This chain.

        Raises:
            FieldTypeError: no steer module, or one that expects other fields.
        """
        return self._become([*self._parts(), (None, module)])

    def extend(self, modules: Iterable[Module]) -> "Sequential":
        """Put several modules at the end, all or, if their types do not agree, none.

        Args:
            modules: steer modules.

        Returns:
            This chain.

        Raises:
            FieldTypeError: as for `append`.
        """
        return self._become([*self._parts(), *((None, module) for module in _listed("modules", modules))])

    def insert(self, index: int, module: Module) -> "Sequential":
        """Put a module before another.

        Args:
            index: the place that it has afterwards, from ``-len`` to ``len``.
            module: a steer module that returns the fields that it takes, or others that its neighbours agree with.

        Returns:
            This chain.

        Raises:
            FieldTypeError: as for `append`.
            IndexError: there is no such place.
        """
        place = self._place_of(index, len(self) + 1)
        parts: list[tuple[str | None, object]] = [*self._parts()]
        return self._become([*parts[:place], (None, module), *parts[place:]])

    def pop(self, index: int = -1) -> Module:
        """Take a module out.

        Args:
            index: its place.

        Returns:
            The module.

        Raises:
            FieldTypeError: the modules beside it do not agree, or it is the only one.
            IndexError: there is no such place.
        """
        found = self[index]
        del self[index]
        return found

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> "Module | Sequential":
        if isinstance(index, slice):
            parts = OrderedDict(self._parts()[index])
            if not parts:
                raise FieldTypeError(f"index: {index} holds none of the {len(self)} modules, and nothing has no types")
            return Sequential(parts)
        return self._parts()[self._place_of(index, len(self))][1]

    def __setitem__(self, index: int, module: Module) -> None:
        parts: list[tuple[str | None, object]] = [*self._parts()]
        place = self._place_of(index, len(parts))
        parts[place] = (parts[place][0], module)
        self._become(parts)

    def __delitem__(self, index: int | slice) -> None:
        parts: list[tuple[str | None, object]] = [*self._parts()]
        if isinstance(index, slice):
            del parts[index]
        else:
            del parts[self._place_of(index, len(parts))]
        self._become(parts)

    def __add__(self, other: "Sequential") -> "Sequential":
        if not isinstance(other, Sequential):
            return NotImplemented
        return Sequential(*self, *other)

    def __iadd__(self, other: "Sequential") -> "Sequential":
        return self.extend(other) if isinstance(other, Sequential) else NotImplemented

    def __mul__(self, count: int) -> "Sequential":
        return Sequential(*self._repeated(count)) if is_integer(count) else NotImplemented

    __rmul__ = __mul__

    def __imul__(self, count: int) -> "Sequential":
        if not is_integer(count):
            return NotImplemented
        more = self._repeated(count)[len(self) :]
        return self.extend(more) if more else self

    def _repeated(self, count: int) -> list[Module]:
        if not 1 <= count * len(self) <= MOST_VALUES:
            most = MOST_VALUES // len(self)
            raise FieldTypeError(f"*: expected a number of times >= 1 and <= {most}, got {count}")
        return count * list(self)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter([module for _, module in self._parts()])


def _named(modules: tuple[object, ...]) -> "OrderedDict[str, object]":
    """The modules that a chain is given, by name."""
    if len(modules) == 1 and isinstance(modules[0], Mapping):
        return OrderedDict(modules[0])
    if len(modules) == 1 and (
        isinstance(modules[0], torch.nn.ModuleList) or not isinstance(modules[0], torch.nn.Module)
    ):
        modules = _listed("modules", modules[0])
    return OrderedDict((str(index), module) for index, module in enumerate(modules))


def _listed(name: str, modules: object) -> tuple[object, ...]:
    what = "modules of steer.nn, or a list of them"
    if isinstance(modules, Mapping | Set):
        raise FieldTypeError(f"{name}: expected {what}, got a {type(modules).__name__}, which has no order to go by")
    return as_tuple(name, modules, FieldTypeError, what)


def _chained(named: "OrderedDict[str, object]") -> list[Module]:
    """The modules, if each takes the fields that the one before it returns.

    Raises:
        FieldTypeError: names the two modules and their types.
    """
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
    return chain


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
