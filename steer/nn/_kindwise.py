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
    to_output: torch.Tensor

    def __init__(
        self, kinds: Sequence[int], matrices: Sequence[Array], order: npt.NDArray[np.int64] | None = None
    ) -> None:
        super().__init__()
        sorting = np.argsort(kinds, kind="stable")
        counts = np.bincount(kinds, minlength=len(matrices)).tolist()
        used = [kind for kind, count in enumerate(counts) if count]
        self.runs = [(counts[kind], matrices[kind].shape[1]) for kind in used]
        self.widths = [count * size for count, size in self.runs]
        gather = _channels([matrices[kind].shape[1] for kind in kinds], sorting)
        scatter = np.argsort(_channels([matrices[kind].shape[0] for kind in kinds], sorting))
        scatter = scatter if order is None else scatter[order]
        self.gathers, self.scatters = (bool((np.diff(places) != 1).any()) for places in (gather, scatter))
        if self.gathers:
            self.add_constant("to_kinds", gather)
        if self.scatters:
            self.add_constant("to_output", scatter)
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
        parts = torch.split(x, self.widths, 1) if len(self.runs) > 1 else [x]
        done = [
            parts[index] if name is None else merge(_product(getattr(self, name), split(parts[index], *run)))
            for index, (run, name) in enumerate(zip(self.runs, self.names, strict=True))
        ]
        out = done[0] if len(done) == 1 else torch.cat(done, 1)
        return out.index_select(1, self.to_output) if self.scatters else out


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
