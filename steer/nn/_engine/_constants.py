"""Buffers that follow from a layer's arguments: never saved, and exact in whatever dtype the layer is moved to."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch


class Constants(torch.nn.Module):
    """A module with buffers that are rebuilt from their NumPy source each time it is moved or cast.

    A float32 buffer that is cast to float64 keeps float32's error, and one materialised from the meta device holds
    garbage; neither may happen to a constant.
    """

    def __init__(self) -> None:
        super().__init__()
        self._sources: dict[str, npt.NDArray[Any]] = {}

    def add_constant(self, name: str, source: npt.NDArray[Any]) -> None:
        """Register a non-persistent buffer that follows from the layer's arguments; for layers of your own.

        Args:
            name: the attribute.
            source: its values, (...); floats take torch's default dtype, integers int64.
        """
        self._sources[name] = np.array(source)
        floating = np.issubdtype(source.dtype, np.floating)
        dtype = torch.get_default_dtype() if floating else torch.int64
        self.register_buffer(name, torch.tensor(self._sources[name], dtype=dtype), persistent=False)

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> "Constants":
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, source in self._sources.items():
            like = getattr(self, name)
            self._buffers[name] = torch.tensor(source, dtype=like.dtype, device=like.device)
        return self
