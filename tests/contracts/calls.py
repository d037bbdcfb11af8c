"""One valid call of every public function, class and method, whose arguments are then replaced by junk."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.figure
import numpy as np
import torch

import steer
from steer import nn
from steer.kernels import Grid, Pixels, Rings, cache, kernel_basis
from steer.kernels.bases._wigner_eckart import describe
from steer.nn import init, models

D4, C4 = (steer.group(name, dim=2) for name in ("D4", "C4"))
O2 = steer.group("O(2)", dim=2)
D6 = steer.group("D6", dim=2)
O3 = steer.group("O(3)", dim=3)
OCT = steer.group("O", dim=3)
LINE = steer.group("D1", dim=1)
ACTION = steer.reps.with_action(D4, D4.vector)
PRODUCT = steer.reps.direct_product(C4, D4)
PAIRS = PRODUCT.diagonal()
SCALARS = nn.FieldType(D4, [D4.trivial])
REGULAR = nn.FieldType(D4, 2 * [D4.regular])
VECTORS = nn.FieldType(D4, [D4.vector, D4.trivial])
WAVES = nn.FieldType(O2, [O2.band_limited(1)])
HEXAGONS = nn.FieldType(D6, [D6.trivial, D6.regular])
SEQUENCES = nn.FieldType(LINE, [LINE.trivial, LINE.vector])
VOLUMES = nn.FieldType(OCT, [OCT.trivial, OCT.vector])
RINGS = Rings((0.0, 1.0), (0.6, 0.6), (0, 2))
ELEMENTS = kernel_basis(D4.trivial, D4.trivial, radial=RINGS).elements
FEATURES = models.Features(lambda group: [group.regular], nn.ReLU)
SMALL = {"channels": (8,), "blocks": 1}


class Call(NamedTuple):
    """A function and valid arguments, by name; `fixed` are those by position that are not replaced."""

    function: Callable[..., Any]
    arguments: dict[str, Any]
    fixed: tuple[Any, ...] = ()


def _near(element: steer.kernels.Element) -> bool:
    return element.ring < 2


def _call(function: Callable[..., Any], /, *fixed: Any, **arguments: Any) -> Callable[[], Call]:
    return lambda: Call(function, arguments, fixed)


def _conv() -> nn.Conv2d:
    return nn.Conv2d(SCALARS, REGULAR, 3)


@functools.lru_cache(maxsize=1)
def _folder() -> Path:
    return Path(tempfile.mkdtemp())


def _packed() -> Path:
    """The pack of a cache that holds something."""
    cache.ensure(describe(D4.trivial, D4.vector, 1))
    path = _folder() / "pack"
    cache.pack(path)
    return path


def _plan() -> steer.kernels.KernelPlan:
    return steer.kernels.compile([D4.trivial], [D4.vector], (3, 3))


def _linear_plan() -> steer.kernels.KernelPlan:
    return steer.kernels.compile([D4.vector], [D4.vector], (1, 1), radial=Rings.point())


def _field() -> nn.FieldTensor:
    return VECTORS(torch.randn(2, 3, 9, 9))


EDITS: dict[str, dict[str, Any]] = {
    "append": {"module": nn.ReLU(REGULAR)},
    "extend": {"modules": [nn.ReLU(REGULAR)]},
    "insert": {"index": 1, "module": nn.ReLU(REGULAR)},
    "pop": {"index": 0},
    "__getitem__": {"index": 0},
    "__setitem__": {"index": 0, "module": nn.ReLU(REGULAR)},
    "__delitem__": {"index": 0},
    "__add__": {"other": nn.Sequential(nn.ReLU(REGULAR))},
    "__iadd__": {"other": nn.Sequential(nn.ReLU(REGULAR))},
    "__mul__": {"count": 2},
}


def _edit(method: str, **arguments: Any) -> Callable[[], Call]:
    """An edit of a chain, a new one each time."""
    return lambda: Call(getattr(nn.Sequential(nn.ReLU(REGULAR), nn.ReLU(REGULAR)), method), arguments)


def _with_constant() -> nn.Module:
    layer = nn.Identity(SCALARS)
    layer.add_constant("one", np.eye(2))
    return layer


def _axes() -> Any:
    return matplotlib.figure.Figure().subplots()


X = torch.zeros(1, 1, 9, 9)
FILTER = np.zeros((16, 1, 3, 3))
SIGNAL = steer.reps.SphericalSignal(2)
POINTS = np.random.default_rng(0).normal(size=(12, 3))
TURN = D4.elements[1]

REPS: dict[str, Callable[[], Call]] = {
    "steer.group": _call(steer.group, name="D4", dim=2),
    "steer.reps.Fields": _call(steer.reps.Fields, group=D4, representations=[D4.vector]),
    "steer.reps.e3nn_basis": _call(steer.reps.e3nn_basis, fields=steer.reps.Fields(O3, [O3.vector])),
    "steer.reps.clebsch_gordan": _call(
        steer.reps.clebsch_gordan, first=D4.vector, second=D4.vector, out=D4.irrep("B1")
    ),
    "steer.reps.SignedPoints": _call(steer.reps.SignedPoints, base=D4.irrep("B1")),
    "steer.reps.Unsigned": _call(steer.reps.Unsigned, base=D4.irrep("B1")),
    "steer.reps.coupling": _call(steer.reps.coupling, first=O2.irrep("1"), second=O2.irrep("2"), max_frequency=3),
    "steer.reps.square_coupling": _call(steer.reps.square_coupling, psi=O2.irrep("1"), max_frequency=3),
    "steer.reps.decompose": _call(steer.reps.decompose, rep=D4.regular, group=D4),
    "steer.reps.decompose matrices": _call(steer.reps.decompose, rep=D4.regular(D4.elements), group=D4),
    "steer.reps.direct_product": _call(steer.reps.direct_product, first=C4, second=D4),
    "steer.reps.fourier": _call(
        steer.reps.fourier,
        group=O2,
        max_frequency=2,
        subgroup="D1",
        grid=steer.reps.quadrature(O2, 4, subgroup="D1"),
        base=O2.subgroup("D1").irreps()[1],
    ),
    "steer.reps.harmonic_size": _call(steer.reps.harmonic_size, dim=3, degree=2),
    "steer.reps.harmonics": _call(steer.reps.harmonics, points=np.ones((4, 3)), degree=2, normalization="norm"),
    "steer.reps.solid_harmonics": _call(
        steer.reps.solid_harmonics, points=np.ones((4, 3)), degree=[2], normalization="norm"
    ),
    "steer.reps.representation": _call(
        steer.reps.representation, group=D4, matrices=D4.vector(D4.elements), max_frequency=None, name="mine"
    ),
    "steer.reps.representation function": _call(
        steer.reps.representation, group=O2, matrices=O2.vector, max_frequency=1, name=None
    ),
    "steer.reps.wigner_d": _call(steer.reps.wigner_d, rotations=np.eye(3), degree=2),
    "steer.reps.intertwiners": _call(steer.reps.intertwiners, rep_in=D4.vector, rep_out=D4.regular),
    "steer.reps.lie_algebra": _call(steer.reps.lie_algebra, of=O2.vector),
    "steer.reps.rotations.from_angles": _call(steer.reps.rotations.from_angles, angles=np.ones(3)),
    "steer.reps.rotations.from_axis_angle": _call(steer.reps.rotations.from_axis_angle, vectors=np.ones(3)),
    "steer.reps.rotations.from_quaternion": _call(steer.reps.rotations.from_quaternion, quaternions=np.ones(4)),
    "steer.reps.rotations.to_angles": _call(steer.reps.rotations.to_angles, matrices=np.eye(3)),
    "steer.reps.rotations.to_axis_angle": _call(steer.reps.rotations.to_axis_angle, matrices=np.eye(3)),
    "steer.reps.rotations.to_quaternion": _call(steer.reps.rotations.to_quaternion, matrices=np.eye(3)),
    "steer.reps.multiplicity": _call(steer.reps.multiplicity, rep_in=D4.vector, rep_out=D4.regular),
    "steer.reps.reduced_tensor_product": _call(steer.reps.reduced_tensor_product, formula="ij=ji", i=D4.vector),
    "steer.reps.orbits": _call(steer.reps.orbits, rep=D4.regular),
    "steer.reps.quadrature": _call(steer.reps.quadrature, group=O2, degree=3, subgroup="D1", kind="product"),
    "steer.reps.quadrature orbit": _call(
        steer.reps.quadrature, group=O2, degree=3, subgroup=None, kind="orbit", size=None, symmetry="D4"
    ),
    "steer.reps.quadrature spread": _call(steer.reps.quadrature, group=O3, kind="spread", size=8),
    "steer.reps.with_action": _call(steer.reps.with_action, group=D4, rep=D4.vector),
    "SpatialGroup.in_frame": _call(steer.group("C4", dim=3).in_frame, frame=np.eye(3)),
    "Group.action": _call(D4.action, g=TURN),
    "Group.band_limited": _call(O2.band_limited, max_frequency=2),
    "Group.contains": _call(D4.contains, g=TURN),
    "Group.cosets": _call(D4.cosets, subgroup="C2"),
    "Group.index": _call(D4.index, subgroup="C2"),
    "Group.haar": _call(O2.haar, max_degree=3),
    "Group.haar of space": _call(O3.haar, max_degree=3),
    "Group.harmonic": _call(D4.harmonic, degree=2),
    "Group.irrep": _call(D4.irrep, label="E"),
    "Group.irrep of space": _call(O3.irrep, label="1o"),
    "Group.irreps": _call(O2.irreps, max_frequency=2),
    "Group.irreps of a finite group": _call(D4.irreps, max_frequency=1),
    "Group.nearest": _call(D4.nearest, g=TURN),
    "Group.nearest_index": _call(D4.nearest_index, g=TURN),
    "Group.quotient": _call(O2.quotient, subgroup="D1", max_frequency=2),
    "Group.quotient of a finite group": _call(D4.quotient, subgroup="C2"),
    "Group.sections": _call(O2.sections, base=O2.subgroup("D1").irreps()[1], max_frequency=2),
    "Group.sample": _call(O2.sample, n=3, seed=0),
    "Group.sample of space": _call(O3.sample, n=3, seed=0),
    "Group.sample of a product": _call(PRODUCT.sample, n=3, seed=0),
    "Group.subgroup": _call(D4.subgroup, name="D2", axis=0.0),
    "Group.subgroup of space": _call(O3.subgroup, name="D3", axis=(1, 1, 1), secondary=0.3),
    "Group.subgroup of a product": _call(PRODUCT.subgroup, name="C2 x D1"),
    "Group.subgroups": _call(D4.subgroups, max_order=4),
    "Group.__le__": _call(lambda other: other >= C4, other=D4),
    "DirectProduct.inflate": _call(PRODUCT.inflate, rep=D4.vector, factor="second"),
    "Representation.__call__": _call(D4.vector, g=TURN),
    "Representation.torch": _call(D4.vector.torch, g=TURN),
    "Representation.places": _call(D4.regular.places, g=TURN),
    "Restriction.restrict": _call(D4.vector.restrict("D2").restrict, subgroup="C2"),
    "Fields.restrict": _call(VECTORS.restrict, subgroup="C4"),
    "DirectProduct.diagonal": _call(PRODUCT.diagonal, first=PRODUCT.first, through=PRODUCT.first.vector),
    "Diagonal.haar": _call(PAIRS.haar, max_degree=2),
    "Diagonal.subgroup": _call(PAIRS.subgroup, name="C2"),
    "Diagonal.subgroups": _call(PAIRS.subgroups, max_order=2),
    "DirectProduct.haar": _call(PRODUCT.haar, max_degree=2),
    "DirectProduct.subgroup": _call(PRODUCT.subgroup, name="C2 x D1"),
    "DirectProduct.subgroups": _call(PRODUCT.subgroups, max_order=2),
    "SpatialGroup.haar": _call(OCT.haar, max_degree=2),
    "SpatialGroup.subgroup": _call(OCT.subgroup, name="C3", axis=(1, 1, 1)),
    "SpatialGroup.subgroups": _call(OCT.subgroups, max_order=3),
    "PlanarGroup.haar": _call(C4.haar, max_degree=2),
    "PlanarGroup.subgroup": _call(D4.subgroup, name="D1", axis=0.0),
    "PlanarGroup.subgroups": _call(D4.subgroups, max_order=2),
    "GroupAction.subgroup": _call(ACTION.subgroup, name="C2"),
    "GroupAction.subgroups": _call(ACTION.subgroups, max_order=2),
    "Representation.character": _call(D4.vector.character, g=TURN),
    "Representation.tensor": _call(D4.vector.tensor, other=D4.regular),
    "Representation.__add__": _call(D4.vector.__add__, other=D4.regular),
    "Representation.restrict": _call(D4.vector.restrict, subgroup="C4"),
    "Representation.induce": _call(C4.trivial.induce, group=D4, max_frequency=None),
    "steer.reps.SphericalSignal": _call(steer.reps.SphericalSignal, max_frequency=2),
    "SphericalSignal.values": _call(SIGNAL.values, coefficients=np.zeros(9), points=np.ones((4, 3))),
    "SphericalSignal.samples": _call(SIGNAL.samples, coefficients=np.zeros(9)),
    "SphericalSignal.from_samples": _call(SIGNAL.from_samples, values=np.zeros(12), points=POINTS),
    "SphericalSignal.diracs": _call(SIGNAL.diracs, points=np.ones((4, 3)), weights=np.ones(4)),
    "SphericalSignal.peaks": _call(SIGNAL.peaks, coefficients=np.arange(9.0)),
    "Quadrature.error": _call(steer.reps.quadrature(O2, 3).error, max_degree=4),
    "Quadrature.torch": _call(steer.reps.quadrature(O2, 3).torch, dtype=torch.float32, device="cpu"),
    "FourierTransform.basis": _call(steer.reps.fourier(O2, 2).basis, elements=TURN),
    "FourierTransform.forward": _call(steer.reps.fourier(O2, 1).forward, values=np.zeros(6)),
    "FourierTransform.inverse": _call(steer.reps.fourier(O2, 1).inverse, coefficients=np.zeros(6)),
}

KERNELS: dict[str, Callable[[], Call]] = {
    "steer.kernels.FiniteDifferences": _call(steer.kernels.FiniteDifferences, shape=(3, 3), max_order=2),
    "steer.kernels.GaussianDerivatives": _call(steer.kernels.GaussianDerivatives, max_order=2, width=0.8),
    "steer.kernels.Grid": _call(Grid, shape=(3, 3), lattice="square"),
    "steer.kernels.Interpolated": _call(steer.kernels.Interpolated, shape=(3, 3), order=1, masked=True),
    "steer.kernels.LeastAliasing": _call(
        steer.kernels.LeastAliasing, rings=RINGS, grid=Grid((3, 3)), band_limit=0.5, noise=2e-5
    ),
    "steer.kernels.aliasing": _call(steer.kernels.aliasing, functions=RINGS, grid=Grid((3, 3)), band_limit=0.5),
    "LeastAliasing.for_grid": _call(
        steer.kernels.LeastAliasing.for_grid,
        grid=Grid((3, 3)),
        max_frequency=1,
        band_limit=0.5,
        noise=2e-5,
        tolerance=0.1,
    ),
    "LeastAliasing.sample": _call(steer.kernels.LeastAliasing(RINGS, Grid((3, 3))).sample, points=Grid((3, 3)).points),
    "steer.kernels.Pixels": _call(Pixels, grid=Grid((3, 3))),
    "steer.kernels.Selection": _call(steer.kernels.Selection, functions=RINGS, elements=ELEMENTS),
    "Selection.sample": _call(steer.kernels.Selection(RINGS, ELEMENTS).sample, points=np.zeros((4, 2))),
    "Selection.capped": _call(steer.kernels.Selection(RINGS, ELEMENTS).capped, max_frequency=1),
    "steer.kernels.Rings": _call(Rings, radii=(0.0, 1.0), widths=(0.6, 0.6), limits=(0, 2)),
    "Rings.sample": _call(RINGS.sample, points=np.zeros((4, 2))),
    "Rings.leaks": _call(RINGS.leaks, grid=Grid((3, 3))),
    "Rings.capped": _call(RINGS.capped, max_frequency=1),
    "Rings.for_grid": _call(Rings.for_grid, grid=Grid((3, 3)), max_frequency=1),
    "Rings.for_kernel": _call(Rings.for_kernel, shape=(3, 3), max_frequency=1),
    "GaussianDerivatives.for_kernel": _call(steer.kernels.GaussianDerivatives.for_kernel, shape=(3, 3), max_order=1),
    "GaussianDerivatives.sample": _call(
        steer.kernels.GaussianDerivatives.for_kernel((3, 3)).sample, points=np.zeros((4, 2))
    ),
    "FiniteDifferences.for_grid": _call(steer.kernels.FiniteDifferences.for_grid, grid=Grid((3, 3)), max_frequency=1),
    "FiniteDifferences.sample": _call(steer.kernels.FiniteDifferences((3, 3), 1).sample, points=Grid((3, 3)).points),
    "Interpolated.for_grid": _call(steer.kernels.Interpolated.for_grid, grid=Grid((3, 3)), max_frequency=None),
    "Interpolated.sample": _call(steer.kernels.Interpolated((3, 3)).sample, points=np.zeros((4, 2))),
    "Pixels.for_grid": _call(Pixels.for_grid, grid=Grid((3, 3)), max_frequency=None),
    "Pixels.for_kernel": _call(Pixels.for_kernel, shape=(3, 3)),
    "Pixels.sample": _call(Pixels(Grid((3, 3))).sample, points=Grid((3, 3)).points),
    "Grid.axial": _call(Grid.axial, points=np.zeros((4, 2))),
    "Grid.embed": _call(Grid((3, 3), "hexagonal").embed, samples=np.zeros((2, 7))),
    "Grid.positions": _call(Grid((3, 3)).positions, points=np.zeros((4, 2))),
    "KernelPlan.tensors": lambda: Call(
        _plan().tensors, {"dtype": torch.float64, "device": torch.device("cpu"), "verb": "expand"}
    ),
    "KernelPlan.report_unreached": lambda: Call(_plan().report_unreached, {"answer": "warn", "resizable": True}),
    "steer.kernels.KernelSpec": _call(
        steer.kernels.KernelSpec, in_type=SCALARS, out_type=VECTORS, kernel_size=3, basis="rings", max_frequency=2
    ),
    "steer.kernels.compile": _call(
        steer.kernels.compile,
        in_type=SCALARS,
        out_type=VECTORS,
        grid=(3, 3),
        radial=RINGS,
        strategy="auto",
        transposed=0,
        basis_filter=_near,
    ),
    "steer.kernels.compile by frequency": _call(
        steer.kernels.compile, in_type=SCALARS, out_type=VECTORS, grid=Grid((3, 3)), max_frequency=2
    ),
    "KernelPlan.apply": lambda: Call(_linear_plan().apply, {"weight": torch.zeros(1), "x": torch.zeros(5, 2)}),
    "KernelPlan.expand": lambda: Call((plan := _plan()).expand, {"weight": torch.zeros(plan.num_weights)}),
    "KernelPlan.spectrum": lambda: Call((plan := _plan()).spectrum, {"weight": torch.zeros(plan.num_weights)}),
    "KernelPlan.sample": lambda: Call(_plan().sample, {"points": np.zeros((4, 2))}),
    "KernelPlan.project": lambda: Call(_plan().project, {"filter": np.zeros((2, 1, 3, 3))}),
    "steer.kernels.constraint_residual": _call(
        steer.kernels.constraint_residual,
        basis=kernel_basis(D4.vector, D4.vector, max_frequency=1),
        points=np.ones((3, 2)),
        seed=0,
    ),
    "KernelBasis.sample": _call(kernel_basis(D4.vector, D4.vector, max_frequency=1).sample, points=np.ones((3, 2))),
    "steer.kernels.functions_for": _call(
        steer.kernels.functions_for, basis="rings", grid=Grid((3, 3)), max_frequency=2
    ),
    "steer.kernels.kernel_basis": _call(
        kernel_basis, in_rep=D4.vector, out_rep=D4.regular, radial=RINGS, form="block", basis_filter=_near
    ),
    "steer.kernels.kernel_basis by frequency": _call(
        kernel_basis, in_rep=D4.vector, out_rep=D4.regular, max_frequency=2
    ),
    "steer.kernels.per_axis": _call(steer.kernels.per_axis, name="size", value=3, dim=2, least=1),
    "steer.kernels.require_symmetric": _call(steer.kernels.require_symmetric, group=D4, stride=(1, 1)),
    "steer.kernels.cache.ensure": _call(cache.ensure, descriptor=describe(D4.trivial, D4.vector, 1)),
    "steer.kernels.cache.clear": _call(cache.clear, disk=False),
    "steer.kernels.cache.pack": lambda: Call(cache.pack, {"path": _packed()}),
    "steer.kernels.cache.unpack": lambda: Call(cache.unpack, {"path": _packed()}),
    "steer.kernels.cache.use": lambda: Call(
        cache.use, {"path": _folder() / "cache", "readonly": False, "max_bytes": 10**6}
    ),
    "steer.kernels.cache.verify": _call(cache.verify, delete=False),
    "steer.export": lambda: Call(steer.export, {"model": nn.ReLU(REGULAR)}),
    "steer.precompute": lambda: Call(steer.precompute, {"wanted": [], "workers": 1, "shard": "1/1"}),
    "steer.project": _call(
        steer.project, filter=FILTER, in_type=SCALARS, out_type=REGULAR, basis="rings", max_frequency=2
    ),
}

LAYERS: dict[str, Callable[[], Call]] = {
    "steer.nn.FieldType": _call(nn.FieldType, group=D4, representations=[D4.vector]),
    "steer.nn.FieldTensor": _call(nn.FieldTensor, tensor=torch.zeros(1, 3), type=VECTORS),
    "FieldType.__call__": _call(VECTORS, x=torch.zeros(1, 3)),
    "FieldType.from_irreps": _call(nn.FieldType.from_irreps, irreps="2x0e + 1o", group=O3),
    "FieldType.check": _call(VECTORS.check, x=torch.zeros(1, 3)),
    "FieldType.transform": _call(VECTORS.transform, x=torch.zeros(1, 3, 5, 5), g=TURN, order=3, lattice="square"),
    "FieldType.transform_fibers": _call(VECTORS.transform_fibers, x=torch.zeros(1, 3, 5), g=TURN),
    "FieldType.group_by_labels": _call(VECTORS.group_by_labels, labels=["a", "b"]),
    "steer.nn.Disentangle": _call(nn.Disentangle, in_type=VECTORS, keep_permutations=True),
    "steer.nn.Reorder": _call(nn.Reorder, in_type=VECTORS, order=[1, 0]),
    "Module.output_shape": lambda: Call(_conv().output_shape, {"input_shape": (1, 1, 9, 9)}),
    "FieldType.__add__": _call(VECTORS.__add__, other=SCALARS),
    "FieldType.__getitem__": _call(VECTORS.__getitem__, index=0),
    "FieldTensor.__getitem__": lambda: Call(_field().__getitem__, {"index": slice(0, 1)}),
    "FieldTensor.__add__": lambda: Call(lambda other: _field() + other, {"other": _field()}),
    "FieldTensor.__sub__": lambda: Call(lambda other: _field() - other, {"other": _field()}),
    "FieldTensor.__truediv__": lambda: Call(lambda other: _field() / other, {"other": 2.0}),
    "FieldTensor.__rmatmul__": lambda: Call(_field().__rmatmul__, {"g": TURN}),
    "FieldTensor.restrict": lambda: Call(_field().restrict, {"subgroup": "C4"}),
    "FieldTensor.split": lambda: Call(_field().split, {"sizes": [1, 1]}),
    "FieldTensor.transform": lambda: Call(
        _field().transform, {"g": TURN, "order": 3, "lattice": "square", "spacing": None}
    ),
    "FieldTensor.mean": lambda: Call(_field().mean, {"dim": (2, 3), "keepdim": False}),
    "FieldTensor.sum": lambda: Call(_field().sum, {"dim": 2, "keepdim": True}),
    "FieldTensor.size": lambda: Call(_field().size, {"dim": 1}),
    "FieldTensor.to": lambda: Call(_field().to, {"dtype": torch.float64, "device": "cpu"}),
    "FieldTensor.cuda": lambda: Call(
        lambda device: _field().cuda(device) if torch.cuda.is_available() else None, {"device": None}
    ),
    "FieldTensor.numpy": lambda: Call(_field().numpy, {"force": True}),
    "FieldTensor.requires_grad_": lambda: Call(_field().requires_grad_, {"requires_grad": True}),
    "FieldTensor.__mul__": lambda: Call(lambda other: _field() * other, {"other": 2.0}),
    **{f"steer.nn.{name}": _call(getattr(nn, name), in_type=REGULAR) for name in ("CReLU", "Sigmoid", "Tanh")},
    **{f"steer.nn.{name}": _call(getattr(nn, name), in_type=VECTORS) for name in ("GlobalAvgPool", "Identity")},
    **{f"steer.nn.{name}": _call(getattr(nn, name), in_type=REGULAR, inplace=False) for name in ("ReLU", "SiLU")},
    "steer.nn.ELU": _call(nn.ELU, in_type=REGULAR, alpha=1.0, inplace=False),
    "steer.nn.GELU": _call(nn.GELU, in_type=REGULAR, approximate="none"),
    "steer.nn.LeakyReLU": _call(nn.LeakyReLU, in_type=REGULAR, negative_slope=0.1, inplace=False),
    "steer.nn.Pointwise": _call(nn.Pointwise, in_type=REGULAR, function=torch.nn.ReLU()),
    "steer.nn.AdaptiveAvgPool": _call(nn.AdaptiveAvgPool, in_type=VECTORS, output_size=3, spacing=1.0),
    "steer.nn.AdaptiveMaxPool": _call(nn.AdaptiveMaxPool, in_type=REGULAR, output_size=3, spacing=1.0),
    "steer.nn.AvgPool": _call(
        nn.AvgPool, in_type=VECTORS, kernel_size=3, stride=1, padding=1, ceil_mode=False, count_include_pad=True
    ),
    "steer.nn.MaxPool": _call(
        nn.MaxPool, in_type=REGULAR, kernel_size=3, stride=1, padding=1, dilation=1, ceil_mode=False
    ),
    "steer.nn.NormMaxPool": _call(
        nn.NormMaxPool, in_type=VECTORS, kernel_size=3, stride=1, padding=1, dilation=1, ceil_mode=False
    ),
    "steer.nn.BlurPool": _call(
        nn.BlurPool, in_type=VECTORS, kernel_size=3, stride=2, sigma=0.6, padding=1, window="gaussian"
    ),
    "steer.nn.BatchNorm": _call(
        nn.BatchNorm, in_type=VECTORS, eps=1e-5, momentum=0.1, affine=True, track_running_stats=True, sync=False
    ),
    "steer.nn.InstanceNorm": _call(nn.InstanceNorm, in_type=VECTORS, eps=1e-5, affine=True),
    "steer.nn.LayerNorm": _call(nn.LayerNorm, in_type=REGULAR, eps=1e-5, affine=True),
    "steer.nn.GroupNorm": _call(nn.GroupNorm, in_type=REGULAR, num_groups=2, eps=1e-5, affine=True),
    "steer.nn.Branch": lambda: Call(
        lambda first, second: nn.Branch(first, second), {"first": nn.ReLU(REGULAR), "second": nn.ReLU(REGULAR)}
    ),
    "steer.nn.Parallel": lambda: Call(
        lambda first, second: nn.Parallel(first, second), {"first": nn.ReLU(REGULAR), "second": nn.NormAct(VECTORS)}
    ),
    "steer.nn.Sequential": lambda: Call(
        lambda first, second: nn.Sequential(first, second), {"first": nn.ReLU(REGULAR), "second": nn.ReLU(REGULAR)}
    ),
    "Parallel.__getitem__": lambda: Call(nn.Parallel(nn.ReLU(REGULAR), nn.ReLU(REGULAR)).__getitem__, {"index": 0}),
    **{f"Sequential.{name}": _edit(name, **arguments) for name, arguments in EDITS.items()},
    "steer.nn.Residual": lambda: Call(nn.Residual, {"body": nn.ReLU(REGULAR), "shortcut": nn.ReLU(REGULAR)}),
    "steer.nn.AliasFree": lambda: Call(nn.AliasFree, {"act": nn.ReLU(REGULAR), "factor": 2, "reach": 3}),
    "steer.nn.Conv1d": _call(
        nn.Conv1d, in_type=SEQUENCES, out_type=SEQUENCES, kernel_size=3, stride=1, padding=1, dilation=1
    ),
    "steer.nn.Conv2d": _call(
        nn.Conv2d,
        in_type=SCALARS,
        out_type=REGULAR,
        kernel_size=3,
        stride=1,
        padding=1,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        basis="rings",
        max_frequency=2,
        basis_filter=_near,
        device=None,
        dtype=None,
    ),
    "steer.nn.Conv3d": _call(
        nn.Conv3d, in_type=VOLUMES, out_type=VOLUMES, kernel_size=3, stride=1, padding=1, dilation=1
    ),
    "steer.nn.ConvTranspose1d": _call(
        nn.ConvTranspose1d, in_type=SEQUENCES, out_type=SEQUENCES, kernel_size=3, stride=2, padding=1, output_padding=0
    ),
    "steer.nn.ConvTranspose2d": _call(
        nn.ConvTranspose2d,
        in_type=SCALARS,
        out_type=REGULAR,
        kernel_size=3,
        stride=2,
        padding=1,
        output_padding=1,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        basis="rings",
        max_frequency=2,
        basis_filter=_near,
        device=None,
        dtype=None,
    ),
    "steer.nn.ConvTranspose3d": _call(
        nn.ConvTranspose3d, in_type=VOLUMES, out_type=VOLUMES, kernel_size=3, stride=2, padding=1, output_padding=0
    ),
    "steer.nn.HexConv2d": _call(
        nn.HexConv2d,
        in_type=HEXAGONS,
        out_type=HEXAGONS,
        kernel_size=3,
        stride=1,
        padding=1,
        dilation=1,
        groups=1,
        bias=True,
        basis="rings",
        max_frequency=2,
        basis_filter=_near,
        device=None,
        dtype=None,
    ),
    "steer.nn.grid_loss": lambda: Call(nn.grid_loss, {"layer": nn.MaxPool(REGULAR, 3, 2, 1), "space": (8, 8)}),
    "steer.nn.set_grid_warnings": _call(nn.set_grid_warnings, enabled=True),
    "steer.nn.HexMask": _call(nn.HexMask, in_type=HEXAGONS),
    "steer.nn.HexPool": _call(nn.HexPool, in_type=HEXAGONS, kernel_size=3, stride=2, padding=0, kind="avg"),
    "steer.nn.Linear": _call(nn.Linear, in_type=VECTORS, out_type=VECTORS, bias=True, device=None, dtype=None),
    "steer.nn.Dropout": _call(nn.Dropout, in_type=REGULAR, p=0.5, inplace=False, elementwise=True),
    "steer.nn.FourierAct": _call(nn.FourierAct, in_type=WAVES, function="relu", grid=4, out_frequency=1),
    "FourierAct.equivariance_error": lambda: Call(
        nn.FourierAct(WAVES).equivariance_error, {"elements": TURN[None], "samples": 2, "seed": 0}
    ),
    "steer.nn.FourierMaxPool": _call(
        nn.FourierMaxPool,
        in_type=WAVES,
        kernel_size=2,
        stride=1,
        padding=0,
        dilation=1,
        ceil_mode=False,
        grid=4,
        out_frequency=1,
    ),
    "steer.nn.RandomTransform": _call(
        nn.RandomTransform, in_type=VECTORS, p=1.0, order=3, lattice="square", spacing=1.0
    ),
    "RandomTransform.sample": lambda: Call(nn.RandomTransform(VECTORS).sample, {"n": 2}),
    "RandomTransform.forward": lambda: Call(nn.RandomTransform(VECTORS), {"x": torch.zeros(1, 3, 5, 5)}),
    "FieldType.transform_points": _call(
        VECTORS.transform_points, x=torch.zeros(4, 3), points=torch.zeros(4, 2), g=TURN
    ),
    "steer.nn.Gate": _call(
        nn.Gate,
        fields=VECTORS,
        function="sigmoid",
        scalars=None,
        per_coset=False,
        pseudoscalars=torch.nn.Tanh(),
        gates=nn.Gate(VECTORS).gate_type,
    ),
    "Gate.forward": lambda: Call(
        nn.Gate(VECTORS),
        {
            "x": torch.zeros(1, nn.Gate(VECTORS).field_type.size),
            "gates": torch.zeros(1, nn.Gate(VECTORS).gate_type.size),
        },
    ),
    "steer.nn.GroupPool": _call(nn.GroupPool, in_type=REGULAR, reduction="max", subgroup=None),
    "steer.nn.Mask": _call(nn.Mask, in_type=VECTORS, margin=0.0, width=1.0, spacing=1.0),
    "steer.nn.Module": _call(nn.Module, in_type=VECTORS, out_type=VECTORS),
    "Module.forward": lambda: Call(nn.NormAct(VECTORS), {"x": torch.zeros(1, 3)}),
    "Module.constant": lambda: Call(_with_constant().constant, {"name": "one", "like": X}),
    "Convolution.from_filter": _call(
        nn.Conv2d.from_filter, filter=torch.zeros(16, 1, 3, 3), in_type=SCALARS, out_type=REGULAR, bias=None
    ),
    "Module.add_constant": lambda: Call(nn.ReLU(REGULAR).add_constant, {"name": "one", "source": np.eye(2)}),
    "Conv2d.forward": lambda: Call(_conv(), {"x": X}),
    "ConvTranspose2d.forward": lambda: Call(nn.ConvTranspose2d(SCALARS, REGULAR, 3), {"x": X}),
    "HexConv2d.forward": lambda: Call(nn.HexConv2d(HEXAGONS, HEXAGONS, 3, padding=1), {"x": torch.zeros(1, 13, 7, 7)}),
    "Linear.forward": lambda: Call(nn.Linear(VECTORS, VECTORS), {"x": torch.zeros(1, 3)}),
    "MaxPool.forward": lambda: Call(nn.MaxPool(REGULAR, 2), {"x": torch.zeros(1, 16, 8, 8)}),
    "Upsample.forward": lambda: Call(nn.Upsample(SCALARS, scale_factor=2), {"x": X, "size": 9}),
    "TensorProduct.forward": lambda: Call(nn.TensorProduct(VECTORS, VECTORS), {"x": torch.zeros(1, 6)}),
    "Bilinear.forward": lambda: Call(
        nn.Bilinear(VECTORS, VECTORS, paths="uvu", own_weights=False),
        {"x": torch.zeros(1, 3), "y": torch.zeros(1, 3), "weight": torch.zeros(7)},
    ),
    "SelfAttention.forward": lambda: Call(nn.SelfAttention(VECTORS), {"x": torch.zeros(1, 3, 5), "mask": None}),
    "ResNet.forward": lambda: Call(models.ResNet(SCALARS, 3, **SMALL), {"x": X}),
    "steer.nn.NormAct": _call(nn.NormAct, in_type=VECTORS, function="relu", bias=True, per_coset=False),
    "steer.nn.NormPool": _call(nn.NormPool, in_type=VECTORS, per_coset=False),
    "steer.nn.Restrict": _call(nn.Restrict, in_type=VECTORS, subgroup="C4"),
    "steer.nn.SelfAttention": _call(
        nn.SelfAttention,
        in_type=VECTORS,
        out_type=VECTORS,
        num_heads=1,
        head_type=VECTORS,
        bias=True,
        dropout=0.0,
        distances=3,
        device=None,
        dtype=None,
    ),
    "steer.nn.Bilinear": _call(
        nn.Bilinear,
        first=VECTORS,
        second=VECTORS,
        out_type=None,
        paths="uvu",
        max_frequency=2,
        own_weights=True,
        device=None,
        dtype=None,
    ),
    "steer.nn.TensorProduct": _call(nn.TensorProduct, first=VECTORS, second=VECTORS, max_frequency=2, keep_input=False),
    "steer.nn.TensorSquare": _call(nn.TensorSquare, in_type=VECTORS, max_frequency=2, keep_input=False),
    "steer.nn.Upsample": _call(
        nn.Upsample, in_type=VECTORS, size=None, scale_factor=2, mode="nearest", align_corners=False, spacing=1.0
    ),
    "steer.nn.Upsample to a size": _call(nn.Upsample, in_type=VECTORS, size=9, mode="linear", align_corners=True),
    "steer.nn.VectorFieldAct": _call(nn.VectorFieldAct, in_type=REGULAR, vector=(1.0, 0.0)),
    "steer.nn.act_on_hexagonal": _call(nn.act_on_hexagonal, x=torch.zeros(1, 1, 7, 7), g=D6.elements[1]),
    "steer.nn.cat": lambda: Call(nn.cat, {"fields": [_field(), _field()]}),
    "steer.nn.split": lambda: Call(nn.split, {"field": _field(), "sizes": [1, 1]}),
    "steer.nn.convert_sync_batchnorm": lambda: Call(
        nn.convert_sync_batchnorm, {"model": nn.BatchNorm(VECTORS), "process_group": None}
    ),
    "steer.nn.check_types": lambda: Call(
        lambda model: nn.check_types(model, torch.zeros(1, REGULAR.size, 3, 3)), {"model": nn.ReLU(REGULAR)}
    ),
    "steer.nn.from_hexagonal": _call(nn.from_hexagonal, x=torch.zeros(1, 1, 7, 7), size=5, spacing=1.0, mode="linear"),
    "steer.nn.to_hexagonal": _call(nn.to_hexagonal, x=X, radius=3, spacing=1.0, mode="linear"),
    "steer.nn.models.Features": _call(models.Features, unit=lambda group: [group.trivial], act=nn.NormAct),
    "Features.of": _call(FEATURES.of, group=D4, count=2),
    "Features.count": _call(FEATURES.count, group=D4, channels=8, width="channels", convs=(), basis="rings"),
    "steer.nn.models.ResNet": _call(
        models.ResNet,
        any_size=False,
        in_type=SCALARS,
        num_classes=3,
        channels=(8,),
        blocks=1,
        groups=("D4",),
        features="regular",
        width="parameters",
        kernel_size=3,
        basis="rings",
        strides=2,
        spacing=1.0,
        checkpoint=False,
    ),
    "steer.nn.models.wide_resnet": _call(
        models.wide_resnet, in_type=SCALARS, num_classes=3, depth=10, widen=1, features="regular"
    ),
    "steer.nn.models.UNet": _call(
        models.UNet,
        in_type=SCALARS,
        out_type=SCALARS,
        channels=(8,),
        features="regular",
        width="parameters",
        kernel_size=3,
        basis="rings",
        strides=2,
        spacing=1.0,
        checkpoint=False,
    ),
    "steer.nn.models.conv_block": _call(
        models.conv_block,
        unreached="warn",
        in_type=SCALARS,
        out_type=REGULAR,
        kernel_size=3,
        features="regular",
        basis="rings",
        spacing=1.0,
        checkpoint=False,
    ),
    "steer.nn.models.residual_block": _call(
        models.residual_block,
        in_type=SCALARS,
        out_type=REGULAR,
        kernel_size=3,
        features="regular",
        basis="rings",
        dropout=0.0,
        spacing=1.0,
        checkpoint=False,
    ),
    "steer.nn.models.unet_stage": _call(
        models.unet_stage,
        strides=2,
        in_type=SCALARS,
        types=[REGULAR],
        kernel_size=3,
        features="regular",
        basis="rings",
        spacing=1.0,
        checkpoint=False,
    ),
    "steer.nn.models.summary": lambda: Call(
        models.summary, {"model": models.ResNet(SCALARS, 3, **SMALL), "input_shape": (1, 1, 9, 9), "twin": True}
    ),
    "steer.nn.utils.spectral_norm": lambda: Call(
        nn.utils.spectral_norm, {"layer": _conv(), "n_power_iterations": 1, "eps": 1e-12}
    ),
    "steer.nn.init.dirac_": lambda: Call(init.dirac_, {"layer": nn.Linear(REGULAR, REGULAR)}),
    "steer.nn.init.normal_": lambda: Call(init.normal_, {"layer": _conv(), "gain": 1.0}),
    "steer.nn.init.orthogonal_": lambda: Call(init.orthogonal_, {"layer": nn.Linear(REGULAR, REGULAR), "gain": 1.0}),
    "steer.testing.assert_equivariant": lambda: Call(
        steer.testing.assert_equivariant,
        {
            "module": nn.ReLU(REGULAR),
            "x": None,
            "elements": TURN[None],
            "shape": (1, 5, 5),
            "dtype": None,
            "seed": 0,
            "margin": None,
            "in_type": None,
            "out_type": None,
        },
    ),
    "steer.testing.audit": lambda: Call(
        steer.audit,
        {
            "model": nn.ReLU(REGULAR),
            "input_shape": (1, 16, 3, 3),
            "elements": TURN[None],
            "in_type": None,
            "band_limit": 0.5,
            "average": None,
            "seed": 0,
            "lattice": None,
            "spacing": None,
        },
    ),
    "steer.testing.equivariance_error": lambda: Call(
        steer.testing.equivariance_error,
        {
            "module": nn.ReLU(REGULAR),
            "x": torch.ones(1, 16, 5, 5),
            "elements": TURN[None],
            "shape": None,
            "dtype": None,
            "seed": 0,
            "margin": None,
            "in_type": None,
            "out_type": None,
            "lattice": None,
            "spacing": None,
            "inputs": "noise",
            "band_limit": None,
            "average": None,
        },
    ),
    "steer.testing.assert_group": _call(steer.testing.assert_group, group=C4, max_frequency=1, seed=0),
    "steer.testing.assert_kernel_constraint": lambda: Call(
        steer.testing.assert_kernel_constraint, {"kernel": kernel_basis(D4.vector, D4.vector, max_frequency=1)}
    ),
    "steer.testing.grid_symmetries": _call(steer.testing.grid_symmetries, group=D4, lattice="square"),
}

PICTURES: dict[str, Callable[[], Call]] = {
    "steer.plot.basis": lambda: Call(
        steer.plot.basis,
        {
            "kernel_basis": kernel_basis(D4.trivial, D4.trivial, max_frequency=1),
            "half_width": 2.0,
            "resolution": 9,
            "figure": None,
        },
    ),
    "steer.plot.character_table": lambda: Call(steer.plot.character_table, {"group": C4, "axes": _axes()}),
    "steer.plot.fields": lambda: Call(steer.plot.fields, {"f": _field(), "sample": 0, "fields": [0], "figure": None}),
    "steer.plot.filter": lambda: Call(
        steer.plot.filter, {"layer": _conv(), "out_field": 0, "in_field": 0, "figure": None}
    ),
    "steer.plot.orbit": lambda: Call(steer.plot.orbit, {"f": _field(), "elements": TURN[None]}),
    "steer.plot.plan": lambda: Call(steer.plot.plan, {"plan_or_layer": _plan(), "axes": _axes()}),
    "steer.plot.hexagonal": lambda: Call(steer.plot.hexagonal, {"axes": _axes(), "values": np.zeros((5, 5))}),
    "steer.plot.points": _call(steer.plot.points, group=C4, point=(1.0, 0.5)),
    "steer.plot.equivariance": lambda: Call(
        steer.plot.equivariance, {"model": nn.ReLU(REGULAR), "x": torch.zeros(1, 16, 5, 5), "elements": TURN[None]}
    ),
    "steer.plot.error_by_depth": lambda: Call(
        steer.plot.error_by_depth, {"audits": steer.audit(nn.ReLU(REGULAR), (1, 16, 3, 3))}
    ),
    "steer.plot.error_by_angle": lambda: Call(
        steer.plot.error_by_angle, {"models": nn.ReLU(REGULAR), "x": torch.randn(1, 16, 5, 5), "angles": [0.0]}
    ),
    "steer.plot.sphere": lambda: Call(steer.plot.sphere, {"coefficients": np.ones(3), "degree": 1}),
    "steer.plot.isosurface": lambda: Call(
        steer.plot.isosurface, {"volume": np.random.default_rng(0).normal(size=(4, 4, 4)), "level": 0.5}
    ),
}

CALLS = {**REPS, **KERNELS, **LAYERS, **PICTURES}

OTHERS = {
    "AxialGroup": "steer.group",
    "BandLimited": "Group.band_limited",
    "Coupling": "coupling",
    "Decomposition": "decompose",
    "Diagonal": "DirectProduct.diagonal",
    "DirectProduct": "direct_product",
    "DirectSum": "the sum of representations",
    "FourierTransform": "fourier",
    "Group": "subclasses",
    "GroupAction": "with_action",
    "Induced": "Representation.induce",
    "Inflation": "DirectProduct.inflate",
    "Irrep": "Group.irrep",
    "IrrepData": "groups of one's own",
    "MatrixRepresentation": "representation",
    "LineGroup": "steer.group",
    "PlanarGroup": "steer.group",
    "PolyhedralGroup": "steer.group",
    "Quadrature": "quadrature",
    "ReducedTensorProduct": "reduced_tensor_product",
    "Representation": "subclasses",
    "Restriction": "Representation.restrict",
    "RotationGroup": "steer.group",
    "Sections": "Group.sections",
    "SpatialGroup": "steer.group",
    "TensorProduct": "Representation.tensor",
    "AngularFunctions": "subclasses",
    "Element": "KernelBasis.elements",
    "KernelBasis": "kernel_basis",
    "KernelDescriptor": "kernel_basis",
    "KernelPlan": "compile",
    "Projection": "project",
    "ScalarFunctions": "subclasses",
    "CacheInfo": "cache.info",
    "CacheReport": "cache.verify",
    "Descriptor": "subclasses",
    "Aliasing": "steer.kernels.aliasing",
    "GridLoss": "warnings, and the audit of a layer",
    "Summary": "models.summary",
    "Audit": "steer.audit",
}
"""Values that nobody builds by their class, and what does."""

BARE = {"ModuleList", "contents", "directory", "info", "fingerprint"}
"""Functions without arguments, the hash of any value, and a class of torch."""

UNCALLED = {
    "ScalarFunctions.sample",
    *(
        f"{kind}.{name}"
        for kind in (
            "ScalarFunctions",
            "AngularFunctions",
            "Interpolated",
            "Pixels",
            "FiniteDifferences",
            "Stencils",
            "LeastAliasing",
            "Selection",
        )
        for name in ("action", "count", "form", "names", "quality", "require", "turned")
    ),
    *(
        f"{kind}.{name}"
        for kind in ("Derivatives", "FiniteDifferences", "GaussianDerivatives")
        for name in ("require", "scales")
    ),
    *(
        "ScalarFunctions.capped",
        "LeastAliasing.capped",
        "ScalarFunctions.for_grid",
        "Descriptor.from_arrays",
        "Descriptor.to_arrays",
        "Grid.require_square",
    ),
    *("Steerable.register_parameter", "Steerable.train"),
}
"""Methods that the compiler and the cache call, with what they have checked; and two of torch, which checks itself."""
