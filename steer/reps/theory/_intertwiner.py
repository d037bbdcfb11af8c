"""Intertwiners by the Haar projector, the one solver for every group: exact quadrature, gauge-fixed."""

import functools
import itertools
from collections import Counter

import numpy as np

from ..._linalg import INDEPENDENT, commuting, fix_sign
from ..._values import Array, frozen, require_room
from ...errors import RepresentationError
from ._representation import DirectSum, Irrep, Representation, TensorProduct, require_one_group, require_representation


@functools.lru_cache(maxsize=64)
def _at_nodes(rep: Representation, max_degree: int) -> Array:
    """(nodes, size, size): the matrices of a representation at the nodes of a quadrature."""
    return frozen(rep._matrices(rep.group.haar(max_degree)[0]))


@functools.lru_cache(maxsize=1024)
def _traces(rep: Representation, max_degree: int) -> Array:
    """(nodes,): the character of a representation at the nodes of a quadrature."""
    return frozen(rep._character(rep.group.haar(max_degree)[0]))


def _product_degree(rep_in: Representation, rep_out: Representation) -> int:
    """The degree of a quadrature that is exact for the product of two representations."""
    return 0 if rep_in.group.is_finite else rep_in._degree + rep_out._degree


def _rank(rep_in: Representation, rep_out: Representation) -> int:
    """The inner product of the two characters."""
    max_degree = _product_degree(rep_in, rep_out)
    weights = rep_in.group.haar(max_degree)[1]
    return round(float(weights @ (_traces(rep_in, max_degree) * _traces(rep_out, max_degree))))


def multiplicity(rep_in: Representation, rep_out: Representation) -> int:
    """Dimension of Hom_G(rep_in, rep_out), the space of intertwiners: the inner product of the two characters.

    Args:
        rep_in: the representation that intertwiners start from.
        rep_out: the one that they go to, of the same group.

    Returns:
        A number >= 0. Of an irrep of complex type in itself it is 2, of quaternionic type 4.

    Raises:
        RepresentationError: the representations are not of one group.

    Source:
        Serre, Linear Representations of Finite Groups (1977), section 2.3; the integral is the exact sum of
        `Group.haar`.
    """
    require_one_group(rep_in, rep_out, "multiplicity")
    if rep_out._induced_from:  # Frobenius
        return multiplicity(rep_in.restrict(rep_out._induced_from[0].group), rep_out._induced_from[0])
    if isinstance(rep_out, DirectSum):
        return sum(count * multiplicity(rep_in, part) for part, count in Counter(rep_out.parts).items())
    closed = _closed_form(rep_in, rep_out)
    if closed is not None:
        return len(closed)
    return _rank(rep_in, rep_out)


def intertwiners(rep_in: Representation, rep_out: Representation) -> Array:
    """All linear maps that commute with the group: A rep_in(g) = rep_out(g) A.

    The space is the image of the projector A -> integral rep_out(g) A rep_in(g)^T dg. Its columns are taken in index
    order (out, in), orthonormalised in the Frobenius inner product, and signed so that the first non-zero component is
    positive.

    Args:
        rep_in: the representation that the maps start from.
        rep_out: the one that they go to, of the same group.

    Returns:
        (n, out.size, in.size), read-only, orthonormal in the Frobenius inner product; n = 0 when there are none.

    Raises:
        RepresentationError: the representations are of two groups.

    Source:
        Serre, Linear Representations of Finite Groups (1977), section 2.2: the average over the group.
    """
    require_one_group(rep_in, rep_out, "intertwiners")
    return _intertwiners(rep_in, rep_out)


@functools.lru_cache(maxsize=4096)
def _intertwiners(rep_in: Representation, rep_out: Representation) -> Array:
    closed = _closed_form(rep_in, rep_out)
    return projected_intertwiners(rep_in, rep_out) if closed is None else closed


def _closed_form(rep_in: Representation, rep_out: Representation) -> Array | None:
    """`intertwiners` where they are known without a projector; where each is unique, its sign is all of the gauge."""
    if isinstance(rep_in, Irrep) and isinstance(rep_out, Irrep) and (rep_in != rep_out or rep_in.type == "real"):
        # Schur's lemma: nothing between different irreps, and the scalars from one of real type to itself
        rank = int(rep_in == rep_out)
        return frozen(np.eye(rep_out.size, rep_in.size)[None][:rank] / np.sqrt(rep_in.size))
    if rep_out._induced_from:
        return _by_reciprocity(rep_in, *rep_out._induced_from)
    if isinstance(rep_out, DirectSum):  # the projector takes matrix units of a block to maps to that block
        starts = itertools.accumulate((part.size for part in rep_out.parts), initial=0)
        blocks = [intertwiners(rep_in, part) for part in rep_out.parts]
        maps = np.zeros((sum(map(len, blocks)), rep_out.size, rep_in.size))
        counts = itertools.accumulate(map(len, blocks), initial=0)
        for count, start, block in zip(counts, starts, blocks, strict=False):
            maps[count : count + len(block), start : start + block.shape[1]] = block
        return frozen(maps)
    for out, product in ((rep_out, rep_in), (rep_in, rep_out)):
        if isinstance(out, Irrep) and isinstance(product, TensorProduct):
            first, second = product.first, product.second
            if isinstance(first, Irrep) and isinstance(second, Irrep):
                found = out.group._closed_clebsch_gordan(first, second, out)
                if found is not None and (product is rep_in or len(found) < 2):
                    maps = found.reshape(len(found), out.size, product.size)
                    maps = maps if product is rep_in else np.swapaxes(maps, 1, 2)
                    return frozen([fix_sign(one) for one in maps]).reshape(maps.shape)
    return None


def _by_reciprocity(rep_in: Representation, base: Representation, cosets: Array) -> Array:
    """`intertwiners` to the representation that `base` induces: Hom_G(V, Ind_H^G W) = Hom_H(V, W).

    Block i of a map is B V(g_i)^-1 with B its block 0, so that products of maps are those of their blocks 0 times the
    number of cosets. The projector takes the matrix units of block 0, which come first, to all maps, and gauges these.
    """
    maps = intertwiners(rep_in.restrict(base.group), base)
    moved = maps[:, None] @ np.swapaxes(rep_in._matrices(cosets), 1, 2) / np.sqrt(len(cosets))
    moved = moved.reshape(len(maps), len(cosets) * base.size, rep_in.size)
    return frozen(np.reshape([fix_sign(one) for one in moved], moved.shape))


def projected_intertwiners(rep_in: Representation, rep_out: Representation) -> Array:
    """`intertwiners`, by the projector whatever the representations are."""
    rank, size_out, size_in = _rank(rep_in, rep_out), rep_out.size, rep_in.size
    if rank == 0:
        return frozen(np.zeros((0, size_out, size_in)))
    max_degree = _product_degree(rep_in, rep_out)
    at_in, at_out = _at_nodes(rep_in, max_degree), _at_nodes(rep_out, max_degree)
    return frozen(commuting(at_in, at_out, rep_in.group.haar(max_degree)[1]))


def clebsch_gordan(first: Representation, second: Representation, out: Representation) -> Array:
    """All Clebsch-Gordan coefficients out <- first (x) second: the equivariant bilinear maps of two representations.

    With C one of them, z_k = sum_ij C[k, i, j] x_i y_j moves as `out` when x moves as `first` and y as `second`.

    Args:
        first: the representation of x.
        second: that of y.
        out: that of z; all of one group, irreps or not.

    Returns:
        (multiplicity, out.size, first.size, second.size), read-only, orthonormal in the Frobenius inner product, in the
        gauge of `intertwiners`. For irreps of SO(3) and O(3) by Racah's formula in exact integers.

    Raises:
        RepresentationError: the representations are not of one group.

    Source:
        Racah, Phys. Rev. 62 (1942) 438, eq. 15-16, in the real basis of `harmonics`; other groups by the Haar
        projector.

    Example:
        >>> import numpy as np, steer
        >>> v = steer.group("SO(3)", dim=3).vector
        >>> C = steer.reps.clebsch_gordan(v, v, v)
        >>> C.shape
        (1, 3, 3, 3)
        >>> x, y = np.eye(3)[:2]
        >>> (np.sqrt(6) * C[0] @ y @ x).round(12).tolist()  # the cross product of x and y
        [0.0, 0.0, 1.0]
    """
    for name, rep in (("first", first), ("second", second), ("out", out)):
        require_representation(name, rep)
    sizes = f"coefficients of sizes {out.size:,}, {first.size:,} and {second.size:,}"
    count = out.size * first.size * second.size
    require_room("out", sizes, count, "take smaller representations", RepresentationError)
    product = first.tensor(second)
    found = intertwiners(product, out)
    return found.reshape(len(found), out.size, first.size, second.size)


def endomorphisms(psi: Irrep) -> Array:
    """(1, 2 or 4, size, size): orthogonal maps that span End_G(psi), the reals, complex numbers or quaternions."""
    return np.asarray(intertwiners(psi, psi) * np.sqrt(psi.size))


def isometries(psi: Irrep, rep: Representation) -> list[Array]:
    """The copies of an irrep in a representation: isometric intertwiners (size, psi.size) with orthogonal images."""
    ends = endomorphisms(psi)
    count = multiplicity(psi, rep) // len(ends)
    return independent_isometries(intertwiners(psi, rep), ends, count) if count else []


def independent_isometries(maps: Array, ends: Array, count: int) -> list[Array]:
    """Isometries (size, psi.size) with mutually orthogonal images, chosen from `maps` in order.

    `maps` spans Hom(psi, rep), which is a vector space over End(psi): a new map counts only when it is not an
    endomorphism followed by an earlier map. A map orthogonal to all of those is an isometry up to scale, by Schur's
    lemma.
    """
    found: list[Array] = []
    for candidate in maps:
        residual = candidate
        for _ in range(2):
            for old in found:
                for end in ends:
                    turned = old @ end / np.sqrt(end.shape[0])
                    residual = residual - np.sum(turned * residual) * turned
        norm = float(np.linalg.norm(residual))
        if norm > INDEPENDENT:
            found.append(residual * np.sqrt(ends.shape[-1]) / norm)
        if len(found) == count:
            return found
    raise ArithmeticError(f"found {len(found)} of {count} copies of an irrep; please report this")
