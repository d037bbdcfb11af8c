"""What names of other libraries are called here, for the error of an attribute that is missing."""

from collections.abc import Iterable
from typing import Final

from .errors import nearest

OURS: Final = {
    "R2Conv": "steer.nn.Conv2d",
    "R3Conv": "steer.nn.Conv3d",
    "R3IcoConv": 'steer.nn.Conv3d with the group "I"',
    "R2ConvTransposed": "steer.nn.ConvTranspose2d",
    "R3ConvTransposed": "steer.nn.ConvTranspose3d",
    "InnerBatchNorm": "steer.nn.BatchNorm",
    "IIDBatchNorm": "steer.nn.BatchNorm",
    "IIDBatchNorm1d": "steer.nn.BatchNorm",
    "IIDBatchNorm2d": "steer.nn.BatchNorm",
    "IIDBatchNorm3d": "steer.nn.BatchNorm",
    "NormBatchNorm": "steer.nn.BatchNorm",
    "GNormBatchNorm": "steer.nn.BatchNorm",
    "BatchNorm1d": "steer.nn.BatchNorm",
    "BatchNorm2d": "steer.nn.BatchNorm",
    "BatchNorm3d": "steer.nn.BatchNorm",
    "PointwiseNonLinearity": "steer.nn.Pointwise",
    "ConcatenatedNonLinearity": "steer.nn.CReLU",
    "VectorFieldNonLinearity": "steer.nn.VectorFieldAct",
    "NormNonLinearity": "steer.nn.NormAct",
    "NormActivation": "steer.nn.NormAct",
    "InducedNormNonLinearity": "steer.nn.NormAct with per_coset=True",
    "GatedNonLinearity1": "steer.nn.Gate",
    "GatedNonLinearity2": "steer.nn.Gate",
    "GatedNonLinearityUniform": "steer.nn.Gate",
    "InducedGatedNonLinearity1": "steer.nn.Gate with per_coset=True",
    "FourierPointwise": "steer.nn.FourierAct",
    "FourierELU": 'steer.nn.FourierAct(t, "elu")',
    "QuotientFourierELU": 'steer.nn.FourierAct(t, "elu")',
    "S2Activation": "steer.nn.FourierAct",
    "SO3Activation": "steer.nn.FourierAct",
    "TensorProductModule": "steer.nn.TensorProduct or steer.nn.TensorSquare",
    "ElementwiseTensorProduct": "steer.nn.TensorProduct",
    "FullyConnectedTensorProduct": "steer.nn.Bilinear",
    "PointwiseMaxPool": "steer.nn.MaxPool",
    "PointwiseAvgPool": "steer.nn.AvgPool",
    "PointwiseAdaptiveMaxPool": "steer.nn.AdaptiveMaxPool",
    "PointwiseAdaptiveAvgPool": "steer.nn.AdaptiveAvgPool",
    "PointwiseMaxPoolAntialiased": "steer.nn.MaxPool with stride 1, then steer.nn.BlurPool",
    "PointwiseAvgPoolAntialiased": "steer.nn.BlurPool",
    "MaxPool2d": "steer.nn.MaxPool",
    "MaxPool3d": "steer.nn.MaxPool",
    "AvgPool2d": "steer.nn.AvgPool",
    "AvgPool3d": "steer.nn.AvgPool",
    "AdaptiveAvgPool2d": "steer.nn.AdaptiveAvgPool",
    "AdaptiveMaxPool2d": "steer.nn.AdaptiveMaxPool",
    "GroupPooling": "steer.nn.GroupPool",
    "InducedNormPool": "steer.nn.NormPool with per_coset=True",
    "R2Upsampling": "steer.nn.Upsample",
    "R3Upsampling": "steer.nn.Upsample",
    "GatedNonLinearity": "steer.nn.Gate",
    "FieldDropout": "steer.nn.Dropout",
    "PointwiseDropout": "steer.nn.Dropout with elementwise=True",
    "Dropout2d": "steer.nn.Dropout",
    "MaskModule": "steer.nn.Mask",
    "DisentangleModule": "steer.nn.Disentangle",
    "RestrictionModule": "steer.nn.Restrict",
    "BranchingModule": "steer.nn.Branch",
    "ReshuffleModule": "steer.nn.Reorder, or indexing a FieldTensor by fields, f[:, [2, 0, 1]]",
    "SortModule": "steer.nn.Reorder",
    "evaluate_output_shape": "output_shape",
    "index_select": "indexing by a list of fields, t[[2, 0, 1]]",
    "uniform": "is_uniform",
    "fields_start": "offsets[:-1]",
    "fields_end": "offsets[1:]",
    "MergeModule": "steer.nn.cat",
    "MultipleModule": "steer.nn.Parallel",
    "SequentialModule": "steer.nn.Sequential",
    "IdentityModule": "steer.nn.Identity",
    "EquivariantModule": "steer.nn.Module",
    "MultiheadAttention": "steer.nn.SelfAttention",
    "GeometricTensor": "steer.nn.FieldTensor",
    "tensor_directsum": "steer.nn.cat",
    "directsum": "the sum of representations, a + b",
    "gspaces": 'steer.group("C8", dim=2), which knows its space',
    "cyclic_group": 'steer.group("C8", dim=2)',
    "dihedral_group": 'steer.group("D8", dim=2)',
    "so2_group": 'steer.group("SO(2)", dim=2)',
    "o2_group": 'steer.group("O(2)", dim=2)',
    "so3_group": 'steer.group("SO(3)", dim=3)',
    "o3_group": 'steer.group("O(3)", dim=3)',
    "rot2dOnR2": 'steer.group("C8", dim=2), "SO(2)" for all rotations',
    "flipRot2dOnR2": 'steer.group("D8", dim=2), "O(2)" for all rotations',
    "rot3dOnR3": 'steer.group("SO(3)", dim=3)',
    "flipRot3dOnR3": 'steer.group("O(3)", dim=3)',
    "octaOnR3": 'steer.group("O", dim=3)',
    "icoOnR3": 'steer.group("I", dim=3)',
    "generalized_he_init": "steer.nn.init.normal_, with which layers start",
    "deltaorthonormal_init": "steer.nn.init.orthogonal_",
    "HarmonicPolynomialR3": "steer.reps.solid_harmonics",
    "spherical_harmonics": "steer.reps.harmonics",
    "SphericalHarmonics": "steer.reps.harmonics",
    "wigner_D": "steer.reps.wigner_d",
    "wigner_3j": "steer.reps.clebsch_gordan",
    "SphericalTensor": 'O3.quotient("Cinfv", L) and steer.reps.fourier',
    "ToS2Grid": "steer.reps.fourier",
    "trivial_repr": "group.trivial",
    "trivial_representation": "group.trivial",
    "regular_repr": "group.regular",
    "regular_representation": "group.regular",
    "quotient_repr": "group.quotient(subgroup)",
    "quotient_representation": "group.quotient(subgroup)",
    "bl_regular_representation": "group.band_limited(degree)",
    "spectral_regular_representation": 'group.band_limited(["0", "2"]) with labels of irreps',
    "spectral_quotient_representation": 'group.quotient(subgroup, ["0", "2"]) with labels of irreps',
    "bl_induced_representation": "group.sections(rep, degree)",
    "bl_quotient_representation": "group.quotient(subgroup, degree)",
    "standard_representation": "group.vector",
    "basespace_action": "group.vector",
    "fibergroup": "the group itself",
    "testing_elements": "group.elements, or group.sample(n)",
}
"""What a name of escnn, e2cnn, e3nn or torch.nn is here."""


def missing(owner: str, name: str, known: Iterable[str]) -> AttributeError:
    """The error of an attribute that is missing: what it is called here, or which name is near.

    Args:
        owner: what was asked, for the message.
        name: the attribute.
        known: those that there are.

    Returns:
        The error, to be raised.
    """
    message = f"{owner} has no attribute {name!r}"
    if name in OURS:
        return AttributeError(f"{message}; what others call so is {OURS[name]}")
    if not name.startswith("_"):
        hint = nearest(name, known)
        message += f"; {hint}" if hint.startswith("did") else ""
    return AttributeError(message)
