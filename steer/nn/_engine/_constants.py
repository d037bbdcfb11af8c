"""Tensors that follow from a layer's arguments: in no state dict and among no buffers, exact in whatever dtype."""

import copy
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.fx
from torch.nn.utils import parametrize

from ..._tables import Table, admitted, shared
from ..._values import is_one_of
from ...errors import SteerError
from ._hooked import made_tensors, renew


class Constants(torch.nn.Module):
    """A module with tensors that are made of NumPy arrays, and again each time that it is moved or cast.

    They are plain attributes. As buffers they would be averaged with the parameters, cast, broadcast and written to: a
    float32 buffer that is cast to float64 keeps float32's error, an index that is averaged is truncated, and one
    materialised from the meta device holds garbage. None of this may happen to a constant. Modules with equal constants
    share the tensors.
    """

    def __init__(self) -> None:
        """Without any constants."""
        super().__init__()
        self._tables: dict[str, Table] = {}

    def add_constant(self, name: str, source: npt.NDArray[Any]) -> None:
        """Keep an array that follows from the layer's arguments, as a tensor; for layers of your own.

        The attribute has the dtype and is on the device that a buffer would have: it follows `to`, and the input of a
        module that is called. See `constant` for the one that fits a given tensor in any case.

        Args:
            name: the attribute.
            source: its values, (...); floats take torch's default dtype, integers and booleans int64.

        Raises:
            SteerError: a name that is none or taken, or no array of real numbers; before ``super().__init__()``.
        """
        if "_tables" not in self.__dict__:
            raise SteerError(f"add_constant: call super().__init__(...) of {type(self).__name__} before it")
        if not isinstance(name, str) or not name.isidentifier():
            raise SteerError(f"name: expected the name of an attribute, such as 'matrix', got {name!r}")
        if name not in self._tables and hasattr(self, name):
            raise SteerError(f"name: {type(self).__name__} has an attribute {name!r} already; take another name")
        if not isinstance(source, np.ndarray | np.generic):
            raise SteerError(f"source: expected a NumPy array, got {source!r}; use np.asarray(source)")
        if source.dtype.kind not in "fiub":
            raise SteerError(
                f"source: expected an array of real numbers, got one of {source.dtype}; split complex ones"
            )
        self._tables[name] = shared(np.asarray(source))
        device = torch.get_default_device()
        self._place(name, torch.get_default_dtype(), torch.device("cpu") if device.type == "meta" else device)

    def constant(self, name: str, like: torch.Tensor) -> torch.Tensor:
        """A constant in the dtype and on the device of a tensor that it is to act on; for layers of your own.

        Under `torch.fx` tracing it is the attribute, which the traced module holds as a buffer.

        Args:
            name: as it was added.
            like: any tensor (...).

        Returns:
            The values, (...): floats in the dtype of `like`, if that has floats; integers in int64. Shared, thus not to
            be written to.

        Raises:
            SteerError: there is no such constant, or `like` is no tensor.
        """
        if not is_one_of(name, self._tables):
            raise SteerError(f"name: {type(self).__name__} has no constant {name!r}, it has {list(self._tables)}")
        held: torch.Tensor = getattr(self, name)
        if not isinstance(like, torch.Tensor):
            if not isinstance(like, torch.fx.Proxy):  # type: ignore[unreachable]
                raise SteerError(f"like: expected a tensor, got {like!r}")
            return held.type_as(like) if held.is_floating_point() else held
        dtype = like.dtype if held.is_floating_point() and like.is_floating_point() else held.dtype
        fits = held.dtype == dtype and held.device == like.device
        if torch.compiler.is_compiling():
            return held if fits else self._tables[name].tensor(dtype, like.device)
        if not fits or held._version:
            held = self._tables[name].tensor(dtype, like.device)
        return admitted([held], like)[0]

    def _place(self, name: str, dtype: torch.dtype, device: torch.device) -> None:
        """Set the attribute to the tensor of a device; one of floats in a dtype."""
        self.__dict__[name] = self._tables[name].tensor(dtype, device)

    def _follow(self, like: torch.Tensor) -> None:
        """Bring the attributes to the device of an input; and undo writing to them, which others would see."""
        if torch.compiler.is_compiling() or not isinstance(like, torch.Tensor):
            return
        for name in self._tables:
            held = self.__dict__[name]
            if held.device != like.device or held._version:
                self._place(name, held.dtype, like.device)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Constants":
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name in self._tables:
            held = self.__dict__[name]
            moved = fn(torch.zeros(1, dtype=held.dtype, device=held.device))
            self._place(name, moved.dtype if moved.is_floating_point() else held.dtype, moved.device)
        renew(self)
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *args: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)
        if local_metadata.get("assign_to_params_buffers", False):
            # parameters may have come in another dtype or on another device
            given = (value for value in self._parameters.values() if value is not None and not value.is_meta)
            for like in itertools.islice(given, 1):
                for name in self._tables:
                    self._place(name, like.dtype, like.device)

    def __getstate__(self) -> dict[str, Any]:
        # Tensors that can be made again are neither pickled nor copied, so that copies share them.
        places = {name: (self.__dict__[name].dtype, self.__dict__[name].device) for name in self._tables}
        kept = {name: value for name, value in self.__dict__.items() if name not in places}
        made = {name: tensor.detach() for name, tensor in made_tensors(self).items()}
        return kept | made | {"_places": places}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Constants":
        # that of torch's parametrized classes, which have no state, copies constants and cannot copy made tensors
        kind: type[Constants] = type(self).__bases__[0] if parametrize.is_parametrized(self) else type(self)
        copied = memo[id(self)] = self.__new__(type(self))
        copied.__setstate__(copy.deepcopy(kind.__getstate__(self), memo))
        return copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        places = state.pop("_places")
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        for name, (dtype, device) in places.items():
            self._place(name, dtype, device if _is_here(device) else torch.device("cpu"))


def _is_here(device: torch.device) -> bool:
    """Whether a device that a pickle names is one of this machine."""
    if device.type in ("cpu", "meta"):
        return True
    found = getattr(torch, device.type, None)
    return found is not None and found.is_available() and (device.index or 0) < found.device_count()
