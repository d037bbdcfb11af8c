"""One linear map for each kind of field, by one matrix product a kind."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..._values import Array
from ._constants import Constants
from ._layout import channels_of, merge, split


class KindwiseMap(Constants):
    """y_f = M_k x_f for fields f of kind k, (batch, channels in, ...) to (batch, channels out, ...).

    Fields of one kind that are not neighbours are brought together by a gather; those that an identity maps to
    themselves are passed on.

    Args:
        kinds: of each field, an index of `matrices`.
        matrices: (out, in) for each kind.
        order: (channels out,), which channel of the fields y_0, y_1, ... is where in the output; as they are when None.
    """

    to_kinds: torch.Tensor
    from_kinds: torch.Tensor
    to_output: torch.Tensor
    from_output: torch.Tensor

    def __init__(
        self, kinds: Sequence[int], matrices: Sequence[Array], order: npt.NDArray[np.int64] | None = None
    ) -> None:
        super().__init__()
        names, tables = _merged(kinds, matrices)
        used = list(dict.fromkeys(names))
        numbers = [used.index(name) for name in names]
        sorting = np.argsort(numbers, kind="stable")
        counts = np.bincount(numbers).tolist()
        self.runs = [(count, tables[name].shape[1]) for name, count in zip(used, counts, strict=True)]
        self.runs_out = [(count, tables[name].shape[0]) for name, count in zip(used, counts, strict=True)]
        into = channels_of([tables[name].shape[1] for name in names], sorting)
        out = np.argsort(channels_of([tables[name].shape[0] for name in names], sorting))
        out = out if order is None else out[order]
        self.gathers, self.scatters = (bool((np.diff(places) != 1).any()) for places in (into, out))
        for chosen, places, forth, back in (
            (self.gathers, into, "to_kinds", "from_kinds"),
            (self.scatters, out, "to_output", "from_output"),
        ):
            if chosen:
                self.add_constant(forth, places)
                self.add_constant(back, np.argsort(places))
        self.names = [None if name is None else f"matrix_{name}" for name in used]
        for name in used:
            if name is not None:
                self.add_constant(f"matrix_{name}", tables[name])

    def mapped(self, x: torch.Tensor) -> torch.Tensor:
        """The fields y of x; works under `torch.fx` tracing."""
        if self.gathers:
            x = x.index_select(1, self.constant("to_kinds", x))
        out = self._by_kind(x, self.runs, False)
        return out.index_select(1, self.constant("to_output", out)) if self.scatters else out

    def transposed(self, y: torch.Tensor) -> torch.Tensor:
        """The transpose of the whole map, of y (batch, channels out, ...)."""
        if self.scatters:
            y = y.index_select(1, self.constant("from_output", y))
        x = self._by_kind(y, self.runs_out, True)
        return x.index_select(1, self.constant("from_kinds", x)) if self.gathers else x

    def _by_kind(self, x: torch.Tensor, runs: list[tuple[int, int]], transposed: bool) -> torch.Tensor:
        parts = torch.split(x, [count * size for count, size in runs], 1) if len(runs) > 1 else [x]
        done = []
        for index, (run, name) in enumerate(zip(runs, self.names, strict=True)):
            part = parts[index]
            if name is not None:
                matrix = self.constant(name, part)
                part = merge(_product(matrix.T if transposed else matrix, split(part, *run)))
            done.append(part)
        return done[0] if len(done) == 1 else torch.cat(done, 1)


def _merged(kinds: Sequence[int], matrices: Sequence[Array]) -> tuple[list[int | None], dict[int | None, Array]]:
    """The kinds, with None for each channel that passes as it is, and the matrix of each of them."""
    identity = [np.array_equal(matrix, np.eye(len(matrix))) for matrix in matrices]
    names: list[int | None] = []
    for kind in kinds:
        names += len(matrices[kind]) * [None] if identity[kind] else [kind]
    return names, {None: np.eye(1), **dict(enumerate(matrices))}


def _product(matrix: torch.Tensor, fields: torch.Tensor) -> torch.Tensor:
    """(batch, n, out, ...) from (batch, n, in, ...)."""
    if isinstance(fields, torch.Tensor):
        if fields.dim() == 3:
            return fields @ matrix.T
        # on CPU einsum copies both sides, which takes half as long again; it has no rule for batches of gradients
        flat = matrix @ fields.reshape(*fields.shape[:3], fields.shape[3:].numel())
        return flat.reshape(*fields.shape[:2], matrix.shape[0], *fields.shape[3:])
    # a tracer's stand-in does not know the number of axes: here is one more, so that there is one to flatten
    spread = fields.unsqueeze(-1)  # type: ignore[unreachable]
    return torch.matmul(matrix, spread.flatten(3)).unflatten(3, spread.shape[3:]).squeeze(-1)
