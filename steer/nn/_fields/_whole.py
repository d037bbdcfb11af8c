"""The action on integers and booleans, label maps and masks: samples change their places, and are never added."""

import numpy as np
import numpy.typing as npt
import torch

from ..._linalg import inverse_permutations
from ..._spacing import Spacing
from ..._values import Array
from ...errors import FieldTypeError, ShapeError
from ...reps import Fields
from ._transform import act_on_grid, lattice_steps


def require_permuted(fields: Fields, x: torch.Tensor, order: int) -> None:
    """Refuse what would have to be added or multiplied.

    Raises:
        ShapeError: an order of splines that interpolate.
        FieldTypeError: a field that is not a permutation representation.
    """
    if order != 0:
        raise ShapeError(
            f"x: a tensor of {x.dtype} cannot be interpolated by splines of order {order}; pass order=0, which takes "
            f"the nearest sample, as label maps and masks need, or convert it with x.float()"
        )
    for index, rep in enumerate(fields):
        if not rep.is_permutation:
            raise FieldTypeError(
                f"x: a tensor of {x.dtype} can only be permuted, but field {index} is {rep!r}, whose matrices are no "
                f"permutations; convert it with x.float()"
            )


def act_on_whole_grid(x: torch.Tensor, moves: Array, order: int, lattice: str, spacing: Spacing) -> torch.Tensor:
    """`act_on_grid` of order 0, in the dtype of x: it moves the numbers of the samples, by which x is read."""
    if lattice == "hexagonal" and not lattice_steps(moves, lattice)[1].all():
        raise ShapeError(
            f"x: a hexagonal map of {x.dtype} moves only by elements that map the lattice to itself, those of D6; "
            f"convert it with x.float() for others"
        )
    space = x.shape[2:]
    numbers = torch.arange(1, space.numel() + 1, dtype=torch.float64).reshape(1, 1, *space)
    many = moves.ndim == 3
    source = act_on_grid(numbers.expand(len(x) if many else 1, 1, *space), moves, order, lattice, spacing)
    entries = source.flatten(2).long().to(x.device)  # 0 outside of the grid
    padded = torch.cat([x.new_zeros(*x.shape[:2], 1), x.flatten(2)], 2)
    found = padded.gather(2, entries.expand(*x.shape[:2], -1)) if many else padded[:, :, entries[0, 0]]
    return found.reshape(*x.shape[:2], *source.shape[2:])


def permute_fibres(x: torch.Tensor, fields: Fields, elements: Array) -> torch.Tensor:
    """`act_on_fibres` of fields that the group permutes."""
    known: dict[object, npt.NDArray[np.intp]] = {}
    found, start = [], 0
    for rep in fields:
        if rep not in known:
            places = rep.places(elements)
            assert places is not None, "a permutation representation"
            known[rep] = inverse_permutations(places)
        found.append(start + known[rep])
        start += rep.size
    source = torch.from_numpy(np.concatenate(found, -1)).to(x.device)
    if source.dim() == 1:
        return x[:, source]
    return x[torch.arange(len(x), device=x.device)[:, None], source]
