"""One linear map for each kind of field, by one matrix product a kind."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..reps._linalg import Array
from ._constants import Constants
from ._layout import merge, split


class KindwiseMap(Constants):
    """y_f = M_k x_f for fields f of kind k, (batch, channels in, ...) to (batch, channels out, ...).

    Fields of one kind that are not neighbours are brought together by a gather.

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
        sorting = np.argsort(kinds, kind="stable")
        counts = np.bincount(kinds, minlength=len(matrices)).tolist()
        used = [kind for kind, count in enumerate(counts) if count]
        self.runs = [(counts[kind], matrices[kind].shape[1]) for kind in used]
        self.runs_out = [(counts[kind], matrices[kind].shape[0]) for kind in used]
        into = _channels([matrices[kind].shape[1] for kind in kinds], sorting)
        out = np.argsort(_channels([matrices[kind].shape[0] for kind in kinds], sorting))
        out = out if order is None else out[order]
        self.gathers, self.scatters = (bool((np.diff(places) != 1).any()) for places in (into, out))
        for used_at_all, places, forth, back in (
            (self.gathers, into, "to_kinds", "from_kinds"),
            (self.scatters, out, "to_output", "from_output"),
        ):
            if used_at_all:
                self.add_constant(forth, places)
                self.add_constant(back, np.argsort(places))
        self.names: list[str | None] = []
        for kind in used:
            matrix = matrices[kind]
            identity = matrix.shape[0] == matrix.shape[1] and bool(np.all(matrix == np.eye(len(matrix))))
            self.names.append(None if identity else f"matrix_{kind}")
            if not identity:
                self.add_constant(f"matrix_{kind}", matrix)

    def mapped(self, x: torch.Tensor) -> torch.Tensor:
        """The fields y of x; works under `torch.fx` tracing."""
        if self.gathers:
            x = x.index_select(1, self.to_kinds)
        out = self._by_kind(x, self.runs, False)
        return out.index_select(1, self.to_output) if self.scatters else out

    def transposed(self, y: torch.Tensor) -> torch.Tensor:
        """The transpose of the whole map, of y (batch, channels out, ...)."""
        if self.scatters:
            y = y.index_select(1, self.from_output)
        x = self._by_kind(y, self.runs_out, True)
        return x.index_select(1, self.from_kinds) if self.gathers else x

    def _by_kind(self, x: torch.Tensor, runs: list[tuple[int, int]], transposed: bool) -> torch.Tensor:
        parts = torch.split(x, [count * size for count, size in runs], 1) if len(runs) > 1 else [x]
        done = []
        for index, (run, name) in enumerate(zip(runs, self.names, strict=True)):
            part = parts[index]
            if name is not None:
                matrix = getattr(self, name)
                part = merge(_product(matrix.T if transposed else matrix, split(part, *run)))
            done.append(part)
        return done[0] if len(done) == 1 else torch.cat(done, 1)


def _product(matrix: torch.Tensor, fields: torch.Tensor) -> torch.Tensor:
    """(batch, n, out, ...) from (batch, n, in, ...)."""
    matrix = matrix.to(fields.dtype)
    if isinstance(fields, torch.Tensor) and fields.dim() > 3:
        # on CPU einsum copies both sides, which takes half as long again
        flat = matrix @ fields.reshape(*fields.shape[:3], fields.shape[3:].numel())
        return flat.reshape(*fields.shape[:2], matrix.shape[0], *fields.shape[3:])
    return torch.einsum("oi,nfi...->nfo...", matrix, fields)


def _channels(sizes: Sequence[int], order: npt.NDArray[np.intp]) -> npt.NDArray[np.int64]:
    """The channels of fields of these sizes, field by field in another order."""
    edges = np.cumsum([0, *sizes])
    return np.concatenate([np.arange(edges[field], edges[field + 1]) for field in order])
