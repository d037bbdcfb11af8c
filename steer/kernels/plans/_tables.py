"""Constant arrays of the parts of plans, and their tensors, made once for each dtype and device."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch


class Tables:
    """Arrays that expansions read: sampled functions and coefficients in float64, index tables in int64.

    Parts of equal descriptors hold one object, so that their tensors exist once, whatever the number of layers.
    """

    def __init__(self, *arrays: npt.NDArray[Any]) -> None:
        self.arrays = tuple(_fixed(array) for array in arrays)
        self._tensors: dict[tuple[torch.dtype, torch.device], tuple[torch.Tensor, ...]] = {}

    def tensors(self, dtype: torch.dtype, device: torch.device) -> tuple[torch.Tensor, ...]:
        """The arrays as tensors; those of floats in `dtype`."""
        key = (dtype, device)
        if key in self._tensors:
            return self._tensors[key]
        with torch.inference_mode(False):  # a tensor of that mode could not be used in training later
            plain = (torch.from_numpy(np.array(array)) for array in self.arrays)
            made = tuple(t.to(device, dtype if t.is_floating_point() else None) for t in plain)
        if all(type(t) is torch.Tensor for t in made):  # and the fake tensors of a trace are of no use after it
            self._tensors[key] = made
        return made


def _fixed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    found = np.array(array, dtype=np.float64 if np.issubdtype(array.dtype, np.floating) else np.int64)
    found.setflags(write=False)
    return found
