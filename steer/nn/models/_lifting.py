"""What a model begins with where no linear map leads from its input to an invariant."""

from collections.abc import Sequence

from ...kernels import Grid, functions_for, kernel_basis
from ...reps import Representation
from .._engine._module import Module
from .._fields._types import FieldType
from ._blocks import conv, conv_block
from ._features import KINDS, Features
from ._scales import Scale


def stem(
    in_type: FieldType, stage: FieldType, last: FieldType, features: Features, scale: Scale, basis: str, channels: int
) -> list[Module]:
    """The modules from the input to the features of the first stage of a residual network.

    A convolution, where it reaches what becomes an invariant. Blocks start as their shortcuts, so that at first the
    network is linear up to its head: of inputs as pseudoscalars, or vectors that are turned while space is not, its
    invariants would be zero, for zeros pass no gradient through ReLU either. There a nonlinearity in the regular
    representation follows the convolution, of which every signal gets a part that is invariant.

    Args:
        in_type: of the input.
        stage: of the features.
        last: a unit of the features before the head.
        features: of the stage.
        scale: its grid.
        basis: of the kernels.
        channels: of its plain twin.

    Returns:
        Modules from `in_type` to `stage`.
    """
    # fields that only the blocks reach, as those of degree 2 from scalars on thick slices, begin as zero
    if _reaches(in_type, _invariant(stage, last), scale, basis):
        return [conv(in_type, stage, scale.kernel_size, basis, scale.spacing, "ignore")]
    if features is KINDS["fourier"] and _reaches(in_type, list(stage.kinds), scale, basis):
        lifted, wide = features, stage
    else:
        lifted = _lifted(in_type, scale, basis)
        wide = lifted.of(stage.group, lifted.count(stage.group, channels, "channels", (), basis))
    grid = {"spacing": scale.spacing, "basis": basis, "unreached": "ignore"}
    block = conv_block(in_type, wide, scale.kernel_size, features=lifted, **grid)  # type: ignore[arg-type]
    return [block] if wide == stage else [block, conv(wide, stage, 1, basis, scale.spacing, "ignore")]


def _invariant(stage: FieldType, last: FieldType) -> list[Representation]:
    """The irreps of a stage of which shortcuts and head make something invariant."""
    irreps: list[Representation] = list(dict.fromkeys(psi for rep in stage.kinds for psi in rep.irreps))
    if all(rep.is_permutation for rep in last.kinds):
        return irreps  # before invariants are taken the head has a nonlinearity
    group = last.group
    return [psi for psi in irreps if group.trivial in psi.restrict(group).irreps]


def _reaches(source: FieldType, targets: Sequence[Representation], scale: Scale, basis: str) -> bool:
    """Whether there is a kernel from some field to some representation."""
    if any(source.group.trivial in rep.irreps for rep in source.kinds) and source.group.trivial in targets:
        return True
    functions = functions_for(basis, Grid(scale.kernel_size, spacing=scale.spacing), None)
    return any(len(kernel_basis(rep, psi, radial=functions)) for rep in source.kinds for psi in targets)


def _lifted(source: FieldType, scale: Scale, basis: str) -> Features:
    """Regular fields, for continuous groups with so many irreps that there is a kernel from every field."""
    group = source.group
    if group.is_finite:
        return KINDS["regular"]
    usual = list(KINDS["fourier"].of(group, 1).kinds)
    if all(_reaches(FieldType(group, [rep]), usual, scale, basis) for rep in source.kinds):
        return KINDS["fourier"]
    highest = max(psi.frequency for rep in source.kinds for psi in rep.irreps)
    return Features(lambda acting: [acting.band_limited(highest)], KINDS["fourier"].act)
