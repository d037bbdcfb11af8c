"""Every message about kernels names the argument, what it got and what would do."""

import math

import numpy as np
import pytest
import torch

import steer
from steer import kernels
from steer.errors import KernelError, SteerError
from steer.kernels import Grid, KernelDescriptor, Rings, kernel_basis, require_symmetric
from steer.kernels.bases._basis import KernelBasis

C4 = steer.group("C4", dim=2)
D4 = steer.group("D4", dim=2)
ONE = Rings((1.0,), (0.6,), (2,))

POINT = kernels.compile([C4.regular], [C4.regular], (1, 1))
CASES = {
    "points rank": (
        lambda: kernel_basis(C4.trivial, C4.vector, max_frequency=1).sample([0.0, 1.0]),
        r"points: expected an array of shape \(m, 2\), got \(2,\)",
    ),
    "points dimension": (
        lambda: kernel_basis(C4.trivial, C4.vector, max_frequency=1).sample([[0.0, 1.0, 2.0]]),
        r"points: expected an array of shape \(m, 2\), got \(1, 3\)",
    ),
    "in_rep": (
        lambda: kernel_basis("regular", C4.regular, max_frequency=1),
        r"in_rep: expected a representation such as group.regular, got 'regular'",
    ),
    "out_rep": (
        lambda: kernel_basis(C4.regular, C4, max_frequency=1),
        r"out_rep: expected a representation such as group.regular, got steer.group\('C4', dim=2\)",
    ),
    "two groups": (
        lambda: kernel_basis(C4.regular, D4.regular, max_frequency=1),
        r"in_rep, out_rep: .* one group, got steer.group\('C4', dim=2\) and steer.group\('D4', dim=2\); restrict",
    ),
    "no band limit": (
        lambda: kernel_basis(C4.regular, C4.regular),
        "max_frequency: got None; pass the highest harmonic degree, or the rings as radial=",
    ),
    "negative band limit": (
        lambda: kernel_basis(C4.regular, C4.regular, max_frequency=-1),
        "max_frequency: expected an integer >= 0, got -1",
    ),
    "fractional band limit": (
        lambda: kernel_basis(C4.regular, C4.regular, max_frequency=1.5),
        "max_frequency: expected an integer >= 0, got 1.5",
    ),
    "form": (
        lambda: kernel_basis(C4.regular, C4.regular, max_frequency=1, form="dense"),
        "form: expected 'block', or 'orbit' if a representation is induced; got 'dense'",
    ),
    "orbit of no induced type": (
        lambda: kernel_basis(C4.vector, C4.trivial, max_frequency=1, form="orbit"),
        "form: expected 'block', or 'orbit' if a representation is induced; got 'orbit'",
    ),
    "orbit descriptor": (
        lambda: KernelBasis(KernelDescriptor(C4.vector, C4.trivial, ONE, "orbit")),
        "form: neither .*vector nor .* is induced; use form='block'",
    ),
    "ring lengths": (
        lambda: Rings((0.0, 1.0), (0.6,), (0, 1)),
        "radii, widths, limits: expected one value of each for every ring, got 2, 1 and 2 of them",
    ),
    "no rings": (lambda: Rings((), (), ()), "radii, widths, limits: .* got 0, 0 and 0"),
    "radius": (lambda: Rings((-1.0,), (0.6,), (0,)), r"radii: expected finite numbers >= 0, got \(-1.0,\)"),
    "infinite radius": (lambda: Rings((math.inf,), (0.6,), (0,)), r"radii: expected finite numbers >= 0, got \(inf,\)"),
    "width": (lambda: Rings((1.0,), (0.0,), (0,)), r"widths: expected finite numbers > 0, got \(0.0,\)"),
    "undefined width": (lambda: Rings((1.0,), (math.nan,), (0,)), r"widths: expected finite numbers > 0, got \(nan,\)"),
    "limit": (lambda: Rings((1.0,), (0.6,), (-2,)), "limits: expected an integer >= 0, got -2"),
    "fractional limit": (lambda: Rings((1.0,), (0.6,), (0.5,)), "limits: expected an integer >= 0, got 0.5"),
    "band limit of a kernel": (
        lambda: Rings.for_kernel((3, 3), 3),
        "max_frequency: a 3 x 3 kernel carries frequencies from 0 to 2, got 3",
    ),
    "negative band limit of a kernel": (
        lambda: Rings.for_kernel((3, 3), -1),
        "max_frequency: expected an integer >= 0, got -1",
    ),
    "grid size": (lambda: Grid((3, 0)), r"grid: expected a tuple of integers >= 1 .*, got \(3, 0\)"),
    "grid number": (lambda: Grid(3), r"grid: expected a tuple of integers >= 1 .*, got 3"),
    "grid fraction": (lambda: Grid((3, 2.5)), r"grid: expected a tuple of integers >= 1 .*, got \(3, 2.5\)"),
    "empty grid": (
        lambda: kernels.compile([C4.regular], [C4.regular], ()),
        r"grid: expected 2 sizes for C4, got \(\)",
    ),
    "grid dimension": (
        lambda: kernels.compile([C4.regular], [C4.regular], (3, 3, 3)),
        r"grid: expected 2 sizes for C4, got \(3, 3, 3\)",
    ),
    "unsymmetric sizes": (
        lambda: require_symmetric(C4, stride=(1, 2)),
        r"stride: C4 mixes the axes of space, so stride must be equal on them; got \(1, 2\); use stride=2 or a group",
    ),
    "functions by name": (
        lambda: kernels.compile([C4.regular], [C4.regular], (3, 3), radial="rings"),
        r"radial: expected scalar functions such as .*, got 'rings'; steer.kernels.functions_for gives those of a name",
    ),
    "kernels of no functions": (
        lambda: kernel_basis(C4.regular, C4.regular, radial=Rings, max_frequency=1),
        r"radial: expected scalar functions such as .*, got <class .*Rings",
    ),
    "no input fields": (
        lambda: kernels.compile([], [C4.regular], (3, 3)),
        r"in_type: expected a FieldType or a list of representations, got \[\]",
    ),
    "no list": (
        lambda: kernels.compile([C4.regular], C4.regular, (3, 3)),
        r"out_type: expected a FieldType or a list of representations, got steer.group\('C4', dim=2\).regular",
    ),
    "no representations": (
        lambda: kernels.compile([C4.regular, 3], [C4.regular], (3, 3)),
        "in_type: expected a FieldType or a list of representations, got .*3",
    ),
    "types of two groups": (
        lambda: kernels.compile([C4.regular], [D4.regular], (3, 3)),
        r"in_type, out_type: .* one group, got steer.group\('C4', dim=2\) and steer.group\('D4', dim=2\); restrict",
    ),
    "strategy": (
        lambda: kernels.compile([C4.regular], [C4.regular], (3, 3), strategy="fast"),
        "strategy: expected 'auto' or 'orbit' or 'gather' or 'block' or 'dense', got 'fast'",
    ),
    "two band limits": (
        lambda: kernels.compile([C4.regular], [C4.regular], (3, 3), radial=ONE, max_frequency=1),
        "max_frequency: got 1 beside radial=Rings.*; pass one",
    ),
    "weight": (
        lambda: kernels.compile([C4.regular], [C4.regular], (3, 3)).expand(torch.zeros(3)),
        r"weight: expected shape \(\.\.\., 24\), got \(3,\)",
    ),
    "integer weights": (
        lambda: kernels.compile([C4.regular], [C4.regular], (3, 3)).expand(torch.zeros(24, dtype=torch.int64)),
        r"weight: expected a tensor of floating-point numbers of shape \(\.\.\., 24\), got a tensor of torch.int64",
    ),
    "complex weights": (
        lambda: kernels.compile([C4.regular], [C4.regular], (3, 3)).spectrum(torch.zeros(24, dtype=torch.complex64)),
        "weight: expected a tensor of floating-point numbers .*, got a tensor of torch.complex64",
    ),
    "weights of NumPy": (
        lambda: kernels.compile([C4.regular], [C4.regular], (1, 1)).apply(np.zeros(16), torch.zeros(4)),
        "weight: expected a tensor of floating-point numbers .*, got a ndarray; make one with torch.as_tensor",
    ),
    "features of another dtype": (
        lambda: POINT.apply(torch.zeros(POINT.num_weights), torch.zeros(4, dtype=torch.float64)),
        "x: expected the dtype of weight, torch.float32, got torch.float64; convert one of the two",
    ),
    "features of NumPy": (
        lambda: POINT.apply(torch.zeros(POINT.num_weights), np.zeros(4)),
        "x: expected a tensor of the dtype of weight, torch.float32, got a ndarray",
    ),
    "points of space": (
        lambda: POINT.sample(np.zeros((5, 3))),
        r"points: expected an array of shape \(m, 2\), got \(5, 3\)",
    ),
    "points in axes": (lambda: POINT.sample(np.zeros((5, 5, 2))), r"points: .* \(m, 2\), got \(5, 5, 2\)"),
    "ragged points": (lambda: POINT.sample([[0.0, 1.0], [2.0]]), r"points: expected an array of real numbers"),
    "complex points": (
        lambda: kernel_basis(C4.regular, C4.regular, radial=ONE).sample(np.zeros((5, 2), dtype=complex)),
        r"points: expected an array of real numbers of shape \(m, 2\), got the dtype complex128",
    ),
    "points with gradients": (
        lambda: POINT.sample(torch.zeros(5, 2, requires_grad=True)),
        r"points: they require gradients, .*; pass points.detach\(\)",
    ),
    "empty basis": (
        lambda: kernels.compile([C4.trivial], [C4.trivial, C4.irrep("B")], (2, 2), unreached="error"),
        r"out_type: field 1 \(B of C4\) would be zero, .* no steerable 2 x 2 kernel of frequencies up to 1 .*; "
        "use a larger kernel_size or max_frequency",
    ),
    "empty basis of one pixel": (
        lambda: kernels.compile([C4.trivial], [C4.trivial + C4.vector], (1, 1), unreached="error"),
        r"out_type: field 0 \(vector of C4\) would be zero, .*; use a larger kernel_size if the layer has one",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case):
    call, message = CASES[case]
    with pytest.raises(KernelError, match=message):
        call()


def test_kernels_that_vanish_at_the_samples_are_no_kernels():
    # odd in y, so zero on a row of pixels, though not in the plane
    D2 = steer.group("D2", dim=2)
    odd = next(psi for psi in D2.irreps() if psi(D2.elements)[:, 0, 0].tolist() == [1, -1, -1, 1])
    assert len(kernel_basis(D2.trivial, odd, max_frequency=1)) == 1
    with pytest.raises(KernelError, match="no steerable 1 x 3 kernel"):
        kernels.compile([D2.trivial], [odd], (1, 3), unreached="error")
    assert kernels.compile([D2.trivial], [odd], (3, 1)).num_weights > 0


def test_errors_are_value_errors():
    assert issubclass(KernelError, SteerError)
    assert issubclass(SteerError, ValueError)
