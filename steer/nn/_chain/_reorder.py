"""Fields in another order."""

from collections.abc import Sequence

import numpy as np
import torch

from ...errors import FieldTypeError
from .._engine._layout import channels_of
from .._engine._module import Module
from .._fields._types import FieldType, require_types


class Reorder(Module):
    """The fields in another order, or some of them, or some twice: field i of the output is field ``order[i]``.

    ``f[:, order]`` does the same for a FieldTensor. By default fields of one representation become neighbours::

        nn.Sequential(nn.Reorder(t), nn.BatchNorm(t.sorted()))

    Args:
        in_type: type of the input.
        order: numbers of fields of `in_type`, or a mask of them; ``in_type.argsort()`` when None.

    Attributes:
        order: numbers of fields of `in_type`, one for each field of `out_type`.

    Shape:
        (batch, in_type.size, ...) -> (batch, out_type.size, ...).

    Raises:
        FieldTypeError: `in_type` is no FieldType, or `order` selects no fields, or one that there is not.

    Example:
        >>> import steer
        >>> from steer import nn
        >>> G = steer.group("C4", dim=2)
        >>> t = nn.FieldType(G, [G.regular, G.trivial, G.regular])
        >>> print(nn.Reorder(t).out_type)
        A + 2 regular of C4 (9 channels)
    """

    def __init__(self, in_type: FieldType, order: Sequence[int] | None = None) -> None:
        require_types(type(self).__name__, in_type=in_type)
        order = list(order) if isinstance(order, tuple) else order
        try:
            chosen = tuple(in_type.argsort() if order is None else in_type._selected(order))
        except IndexError as error:
            raise FieldTypeError(f"order: {error}") from None
        super().__init__(in_type, in_type[list(chosen)])
        self.order = chosen
        self.add_constant("channels", channels_of([rep.size for rep in in_type], np.array(chosen)))

    def _compute(self, x: torch.Tensor) -> torch.Tensor:
        return x.index_select(1, self.constant("channels", x))

    def extra_repr(self) -> str:
        """Types and order, for printing."""
        return f"{super().extra_repr()}, order={list(self.order)}"
