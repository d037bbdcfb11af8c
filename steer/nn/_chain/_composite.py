"""What modules that are made of modules have in common: they check nothing, and hand keywords on."""

from typing import Any, overload

import torch

from ..._values import is_integer
from ...errors import FieldTypeError, SteerError
from .._engine._module import Module
from .._fields._types import FieldTensor, FieldType
from ._again import can_run_again, run_again


class Composite(Module):
    """A module made of modules: these check what they are given, print their types, and get the keywords they take.

    A subclass defines `_through`, which calls its modules by `_call`, and `_types_of`, which says how their types go
    together.
    """

    checkpoint: bool = False
    """Whether the backward pass computes what is inside again, in place of keeping it (`torch.utils.checkpoint`)."""

    @overload
    def forward(self, x: torch.Tensor, **keywords: Any) -> torch.Tensor: ...
    @overload
    def forward(self, x: FieldTensor, **keywords: Any) -> FieldTensor: ...
    def forward(self, x: torch.Tensor | FieldTensor, **keywords: Any) -> torch.Tensor | FieldTensor:
        """Apply the modules.

        Args:
            x: (batch, in_type.size, ...), a tensor or a `FieldTensor` of `in_type`.
            **keywords: such as ``mask=`` and ``positions=`` of `SelfAttention`: each goes to all modules inside that
                take it, and what they are says the module that takes them.

        Returns:
            (batch, out_type.size, ...), a tensor or a `FieldTensor` of `out_type`, as the input.

        Raises:
            FieldTypeError: a FieldTensor of another type.
            ShapeError: a tensor that a module inside refuses.
            SteerError: a keyword that no module inside takes.
        """
        for name in keywords:
            taken = self._keywords()
            if name not in taken:
                what = f"they take {', '.join(sorted(taken))}" if taken else "they take none"
                raise SteerError(f"{name}: no module inside of this {type(self).__name__} takes it; {what}")
        if isinstance(x, FieldTensor):
            self._require_field(x)
            return FieldTensor(self.forward(x.tensor, **keywords), self.out_type)
        if not torch.compiler.is_compiling():
            self._require_fit()
        self._check(x)
        self._follow(x)
        if self.checkpoint and can_run_again():
            return run_again(self, self._through, x, keywords)
        return self._through(x, keywords)

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return self._through(x, {})

    def _through(self, x: torch.Tensor, keywords: dict[str, Any]) -> torch.Tensor:
        raise TypeError(f"{type(self).__name__} must define _through")

    def _require_fit(self) -> None:
        """Refuse to run modules inside whose types have changed since: chains are edited, modules replaced.

        Raises:
            FieldTypeError: they fit each other no more, or not this module's types.
        """
        seen = tuple((id(module), id(module.in_type), id(module.out_type)) for _, module in self._parts())
        if seen != self.__dict__.get("_seen"):
            types = self._types_of([module for _, module in self._parts()])
            if types != (self.in_type, self.out_type):
                raise FieldTypeError(
                    f"{type(self).__name__}: the modules inside have been changed and lead from {types[0]} to "
                    f"{types[1]} now, but it was built from {self.in_type} to {self.out_type}; edit a Sequential by "
                    f"its own methods, and build what contains it again"
                )
            self.__dict__["_seen"] = seen

    def _types_of(self, modules: list[Module]) -> tuple[FieldType, FieldType]:
        """The types from which and to which modules lead that are put together as here.

        Raises:
            FieldTypeError: they do not fit each other.
        """
        raise TypeError(f"{type(self).__name__} must define _types_of")

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_seen"}

    def _parts(self) -> list[tuple[str, Module]]:
        """The modules with their names, in order; one that is in two places is there twice, unlike in `children`."""
        return [(name, module) for name, module in self._modules.items() if isinstance(module, Module)]

    def _keywords(self) -> frozenset[str]:
        return frozenset().union(*(module._keywords() for _, module in self._parts()))

    def _call(self, module: Module, x: torch.Tensor, keywords: dict[str, Any]) -> torch.Tensor:
        """The output of a module inside, which gets those keywords that it takes."""
        if not keywords:
            return module(x)
        taken = module._keywords()
        return module(x, **{name: value for name, value in keywords.items() if name in taken})

    def _check(self, x: torch.Tensor) -> None:
        """Nothing: the modules check."""

    def _place_of(self, index: object, places: int) -> int:
        if not is_integer(index):
            raise SteerError(f"index: expected an integer, got {index!r}")
        if not -places <= index < places:
            where = f"a {type(self).__name__} of {len(self._parts())} modules"
            raise IndexError(f"index: {index} is none of the {places} places in {where}")
        return index % places

    def __repr__(self) -> str:
        return torch.nn.Module.__repr__(self)

    def extra_repr(self) -> str:
        """Nothing: the modules print their types."""
        return ""
