"""Representations at torch tensors: in torch where the group is continuous, looked up where it is finite."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._values import Array, are_known, as_numbers, torch_of
from ...errors import GroupError
from ..special._wigner import orthogonalised
from ._representation import DirectSum, Irrep, Representation, require_matrices

if TYPE_CHECKING:
    from ._group import Group

TABLE = 2**22
"""Of a representation of a finite group whose matrices are not more numbers than this, all are kept."""


def at_tensors(rep: Representation, g: Any) -> Any:
    """(..., size, size): see `Representation.torch`."""
    import torch

    if torch.compiler.is_dynamo_compiling():
        return torch.compiler.disable(at_tensors)(rep, g)  # type: ignore[no-untyped-call]
    given = as_tensor(rep.group, g)
    require_matrices(rep, given.shape[:-2].numel())
    require_elements(rep.group, given)
    flat = given.reshape(-1, *given.shape[-2:])
    found = _looked_up(rep, flat) if rep.group.is_finite else _assembled(rep, irreps_at(rep.group, rep.irreps, flat))
    return found.to(given.dtype).reshape(*given.shape[:-2], rep.size, rep.size)


def as_tensor(group: "Group", g: Any) -> Any:
    """Matrices of the size of a group's elements (..., d, d) as a tensor."""
    import torch

    given = g if isinstance(g, torch.Tensor) else torch.from_numpy(np.array(group._as_matrices(g)))
    if not given.is_floating_point():
        raise GroupError(f"g: expected a tensor of a floating-point dtype, got {given.dtype}")
    size = group.element_size
    if tuple(given.shape[-2:]) != (size, size):
        raise GroupError(
            f"g: expected matrices of shape (..., {size}, {size}) for {group.name}, got shape {tuple(given.shape)}"
        )
    return given


def require_elements(group: "Group", g: Any) -> None:
    """Raise an error that says how far matrices are from the group, if that is known."""
    if are_known(g):
        group._require_members(as_numbers("g", g, GroupError))


def irreps_at(group: "Group", irreps: Iterable[Irrep], g: Any) -> dict[Irrep, Any]:
    """Matrices (n, size, size) of irreps of any group at tensors g (n, d, d) near it, each by its irrep."""
    distinct = tuple(dict.fromkeys(irreps))
    if group.is_finite:
        return {psi: _looked_up(psi, g) for psi in distinct}
    return group._irreps_at(distinct, orthogonalised(g))


def _looked_up(rep: Representation, g: Any) -> Any:
    """(n, size, size): a representation of a finite group at the elements nearest to tensors g (n, d, d)."""
    torch, group = torch_of(g), rep.group
    wide = g.detach() if g.device.type == "mps" else g.detach().double()
    if not are_known(g):
        places = torch.argmax(wide.flatten(1) @ wide.new_tensor(group.elements.reshape(len(group.elements), -1)).T, 1)
        return g.new_tensor(rep._matrices(group.elements))[places]
    places = group._nearest(wide.cpu().numpy())
    if len(group.elements) * rep.size**2 <= TABLE:
        table = rep._table
    else:
        distinct, places = np.unique(places, return_inverse=True)
        table = rep._matrices(group.elements[distinct])
    return g.new_tensor(table)[torch.from_numpy(places).to(g.device)]


def _assembled(rep: Representation, known: dict[Any, Any]) -> Any:
    """(n, size, size): a representation from its irreps, and what of it is known."""
    if rep not in known:
        if isinstance(rep, DirectSum):
            known[rep] = _block_diagonal([_assembled(part, known) for part in rep.parts])
        else:
            known[rep] = _in_basis(rep.change_of_basis, _block_diagonal([known[psi] for psi in rep.irreps]))
    return known[rep]


def _in_basis(basis: Array, blocks: Any) -> Any:
    """Q blocks Q^T."""
    if np.array_equal(basis, np.eye(len(basis))):
        return blocks
    q = blocks.new_tensor(basis)
    return q @ blocks @ q.T


def _block_diagonal(blocks: list[Any]) -> Any:
    """As of arrays, without writing into a tensor piece by piece, which `vmap` cannot."""
    torch = torch_of(blocks[0])
    if len(blocks) == 1:
        return blocks[0]
    size = sum(block.shape[-1] for block in blocks)
    start, rows = 0, []
    for block in blocks:
        stop = start + block.shape[-1]
        rows.append(torch.nn.functional.pad(block, (start, size - stop)))
        start = stop
    return torch.cat(rows, -2)
