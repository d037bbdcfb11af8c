"""Where the fields of each representation lie along the channels of a filter."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ..._tables import Table
from ...reps import Representation
from ._tables import Order, order_table

Indices = npt.NDArray[np.intp]
Starts = dict[Representation, Indices]
"""First channels of the fields of each representation."""


class Slot(NamedTuple):
    """The channels of some fields: `runs` runs, `step` apart, each of `merged` fields of `size` channels."""

    start: int
    runs: int
    step: int
    offset: int  # of the run inside its step; start + runs * step stays inside the axis
    merged: int
    size: int

    def view(self, x: torch.Tensor, dim: int) -> torch.Tensor:
        """A view of the channels in axis `dim`, which becomes three: (runs, merged, size)."""
        near = x.narrow(dim, self.start, self.runs * self.step)
        # unflatten has no rule for batches of gradients
        steps = near.view(*near.shape[:dim], self.runs, self.step, *near.shape[dim + 1 :])
        used = steps.narrow(dim + 1, self.offset, self.merged * self.size)
        return used.view(*used.shape[: dim + 1], self.merged, self.size, *used.shape[dim + 2 :])

    @property
    def channels(self) -> Indices:
        """All channels, in the order of the view."""
        first = self.start + self.offset + self.step * np.arange(self.runs)
        return np.asarray((first[:, None] + np.arange(self.merged * self.size)).ravel())

    @property
    def fields(self) -> int:
        """The number of fields."""
        return self.runs * self.merged

    @property
    def width(self) -> int:
        """The number of channels."""
        return self.fields * self.size


class Axis:
    """The channels of one side of a filter, divided among representations.

    Slots are strided views. Where some fields have none, because they come at uneven distances, all channels are held
    packed by representation, and `order` (an index for each channel) brings them into the order of the type.

    Args:
        fields: first channel of every field of each representation.
        separate: those that get a slot of their own.
        joined: those that share one slot, `union`, in the order of their channels; `inner` is the axis of that slot,
            with a slot for each of them.
    """

    union: Slot

    def __init__(
        self,
        fields: dict[Representation, list[int]],
        separate: Sequence[Representation],
        joined: Sequence[Representation] = (),
    ) -> None:
        starts = {rep: np.array(where) for rep, where in fields.items()}
        self.total = sum(rep.size * len(where) for rep, where in starts.items())
        self.order: Order[Table] | None = None
        self.inner: Axis | None = None
        if not self._place(starts, separate, joined):
            packed = _packed(starts, joined)
            order = np.zeros(self.total, dtype=np.intp)
            for rep, where in starts.items():
                order[_channels(where, rep.size)] = _channels(packed[rep], rep.size)
            self.order = order_table(order)
            self._place(packed, separate, joined)

    def _place(self, starts: Starts, separate: Sequence[Representation], joined: Sequence[Representation]) -> bool:
        """Set the slots; whether all are views."""
        self.slots = {rep: slot for rep in separate if (slot := _slot(starts[rep], rep.size, self.total))}
        if not joined:
            return len(self.slots) == len(separate)
        channels = np.sort(np.concatenate([_channels(starts[rep], rep.size) for rep in joined]))
        union = _slot(channels, 1, self.total)
        if union is None or len(self.slots) < len(separate):
            return False
        self.union = union
        self.inner = Axis({rep: np.searchsorted(channels, starts[rep]).tolist() for rep in joined}, joined)
        return True


def _packed(starts: Starts, first: Sequence[Representation]) -> Starts:
    """One run of each representation, some of them first."""
    found, start = {}, 0
    for rep in sorted(starts, key=lambda rep: rep not in first):
        found[rep] = start + rep.size * np.arange(len(starts[rep]))
        start += rep.size * len(starts[rep])
    return found


def _channels(starts: Indices, size: int) -> Indices:
    return np.asarray((starts[:, None] + np.arange(size)).ravel())


def _slot(starts: Indices, size: int, total: int) -> Slot | None:
    """Fields of one size as evenly spaced runs, None when they are not."""
    first = np.flatnonzero(np.diff(starts, prepend=-size - 1) != size)  # where a run begins
    lengths, runs = np.diff(first, append=len(starts)), starts[first]
    steps = np.diff(runs)
    merged = int(lengths[0])
    if np.any(lengths != merged) or np.any(steps != steps[:1]):
        return None
    count, step = len(runs), int(steps[0]) if len(steps) else merged * size
    offset = max(0, int(runs[0]) + count * step - total)
    if offset > runs[0] or offset + merged * size > step:
        return None
    return Slot(int(runs[0]) - offset, count, step, offset, merged, size)
