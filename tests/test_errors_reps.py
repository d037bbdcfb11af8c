"""Bad input to `steer.reps`: the message names the argument, says what it got and what would do."""

import math
import re

import numpy as np
import pytest

import steer
from steer import errors
from steer._linalg import orthonormal_columns
from steer.errors import GroupError, RepresentationError, ShapeError, SteerError
from steer.reps import (
    Irrep,
    clebsch_gordan,
    coupling,
    decompose,
    harmonics,
    intertwiners,
    multiplicity,
    solid_harmonics,
    square_coupling,
    wigner_d,
)
from steer.reps.theory._intertwiner import independent_isometries
from tests.catalogue import O2, SO2

C1, C4, D4, D6 = (steer.group(name, dim=2) for name in ("C1", "C4", "D4", "D6"))
O3, OH, C4V = (steer.group(name, dim=3) for name in ("O(3)", "Oh", "C4v"))


def test_all_errors_are_value_errors():
    for name in errors.__all__:
        kind = getattr(errors, name)
        warns = issubclass(kind, Warning)
        assert issubclass(kind, errors.SteerWarning if warns else SteerError)
        assert issubclass(kind, UserWarning if warns else ValueError)


def test_nearest_names_or_the_first_ones():
    assert errors.nearest("A1g", ["A1", "E"]) == "did you mean 'A1'?"
    assert errors.nearest("c8", ["D8", "C8"]).startswith("did you mean 'C8'")
    assert errors.nearest("zz", ["A1", "E"]) == "known are 'A1', 'E'."
    assert errors.nearest("zz", map(str, range(99))).endswith("'11', ...")


GROUPS = {
    "cosets": (lambda: O2.cosets("C4"), "subgroup: O\\(2\\)/C4 has infinitely many cosets"),
    "cosets of none": (lambda: C4.cosets(O2), "is not a subgroup of"),
    "index of none": (lambda: C4.index(O2), "is not a subgroup of"),
    "unknown name": (lambda: steer.group("C8v", dim=2), "name: .*'C8v'; did you mean 'C8'.* SO\\(2\\) and O\\(2\\)"),
    "nothing near": (lambda: steer.group("icosahedral", dim=2), "name: .*'icosahedral'.* known are 'SO\\(2\\)', 'O"),
    "n below one": (lambda: steer.group("D0", dim=2), "name: 'D0' has n = 0; n must be at least 1"),
    "negative n": (lambda: steer.group("C-3", dim=2), "name: .*'C-3'"),
    "other digits": (lambda: steer.group("C\u0664", dim=2), "name: .*did you mean|name: .*known are"),
    "not a string": (lambda: steer.group(8, dim=2), "name: expected a string such as 'C8' or 'O\\(2\\)', got 8"),
    "unhashable": (lambda: steer.group(["C8"], dim=2), "name: expected a string .* got \\['C8'\\]"),
    "dimension": (lambda: steer.group("C8", dim=4), "dim: expected 1 .*, 2 .* or 3 \\(space\\), got 4"),
    "elements": (lambda: SO2.elements, "SO\\(2\\) is continuous .* use .haar\\(max_degree\\) or .sample\\(n\\)"),
    "shape": (
        lambda: C4.vector(np.eye(3)),
        "g: expected matrices of shape \\(\\.\\.\\., 2, 2\\) for C4, got .*\\(3, 3\\)",
    ),
    "rank": (lambda: C4.contains([1.0, 0.0]), "g: expected matrices .* got shape \\(2,\\)"),
    "not a member": (lambda: C4.irrep("E")(np.diag([1.0, -1.0])), "g: a matrix is 2 .* C4; pass elements, e.g. from"),
    "not a number": (lambda: C4.vector(np.full((2, 2), np.nan)), "g: a matrix is nan .* pass elements"),
    "max_degree": (lambda: O2.haar(-1), "max_degree: expected an integer >= 0, got -1"),
    "finite max_degree": (lambda: C4.haar(0.5), "max_degree: expected an integer >= 0, got 0.5"),
    "sample": (lambda: C4.sample(-2), "n: expected an integer >= 0, got -2"),
    "max_order": (lambda: O2.subgroups(-1), "max_order: expected an integer >= 0, got -1"),
    "no subgroup": (
        lambda: D4.subgroup("C3"),
        "name: C3 is not a subgroup of D4; its subgroups are C1, C2, D1, C4, D2, D4",
    ),
    "subgroup name": (lambda: D4.subgroup("X"), "name: no planar group is called 'X'"),
    "subgroup type": (lambda: D4.subgroup(2), "name: expected a string .* got 2"),
    "keyword": (lambda: D4.subgroup("D1", angle=0.1), "angle: unknown argument; a subgroup of D4 takes axis="),
    "no axis": (lambda: D4.subgroup("C2", axis=0.1), "axis: C2 has no .* axis; leave it out"),
    "wrong axis": (
        lambda: D4.subgroup("D1", axis=0.1),
        "axis: 0.1 is not a reflection axis of D4; .* multiples of pi/4$",
    ),
    "tilted axis": (
        lambda: O2.subgroup("D2", axis=math.pi / 8).subgroup("D1", axis=0.0),
        "axis: 0.0 is not .* multiples of pi/2 after 0.125 pi",
    ),
    "zero axis": (
        lambda: D4.subgroup("D1", axis=(0.0, 0.0)),
        "axis: expected a direction, got .* zero: \\(0.0, 0.0\\)",
    ),
    "axis in space": (
        lambda: D4.subgroup("D1", axis=(0, 0, 1)),
        "axis: expected an angle .* or a vector .*, got \\(0, 0, 1",
    ),
    "infinite axis": (lambda: D4.subgroup("D1", axis=math.inf), "axis: expected an angle in radians .* got inf"),
    "named axis": (lambda: D4.subgroup("D1", axis="x"), "axis: expected an angle in radians .* got 'x'"),
    "restrict up": (lambda: C4.vector.restrict(D4), "subgroup: .*'D4'.* not a subgroup of .*'C4'.*; get one with"),
    "restrict twice": (
        lambda: D4.vector.restrict("C2").restrict("C4"),
        "name: C4 is not a subgroup of C2; its subgroups",
    ),
    "restrict to": (lambda: C4.vector.restrict(2), "subgroup: expected a group such as .*, got 2"),
    "quotient": (lambda: C4.quotient(D4), "subgroup: .*'D4'.* not a subgroup of .*'C4'.*; get one with .*subgroup"),
    "quotient by name": (lambda: C4.quotient("D1"), "name: D1 is not a subgroup of C4; its subgroups are C1, C2, C4"),
    "quotient type": (lambda: C4.quotient(None), "subgroup: expected a group such as .*, got None"),
    "induce down": (lambda: D4.vector.induce(C4), "group: .*'D4'.* not a subgroup of .*'C4'.*; induce to a group that"),
    "induce aside": (
        lambda: D6.subgroup("D2").vector.induce(O2.subgroup("D4", axis=0.2)),
        "group: .*in the same setting",
    ),
    "induce to": (lambda: C4.vector.induce("D4"), "group: expected a group such as .*, got 'D4'"),
    "matrices alone": (lambda: decompose(np.ones((4, 1, 1))), "group: expected a group such as .*, got None"),
}

REPRESENTATIONS = {
    "label": (lambda: D4.irrep("A1g"), "label: D4 has no irrep 'A1g'; did you mean 'A1'"),
    "label of none": (lambda: C4.irrep("zz"), "label: C4 has no irrep 'zz'; known are 'A', 'E', 'B'."),
    "label of many": (lambda: O2.irrep("1o"), "label: O\\(2\\) has no irrep '1o'; did you mean '1'.* Labels continue"),
    "padded label": (lambda: SO2.irrep("01"), "label: SO\\(2\\) has no irrep '01'; did you mean"),
    "zero of O(2)": (lambda: O2.irrep("0"), "label: O\\(2\\) has no irrep '0'; did you mean '0.' or '0.'"),
    "irrep by hand": (lambda: Irrep(D4, "zz"), "label: D4 has no irrep 'zz'; known are 'A1'"),
    "no bound": (lambda: SO2.irreps(), "max_frequency: SO\\(2\\) has infinitely many irreps; pass the highest"),
    "negative bound": (lambda: SO2.irreps(-1), "max_frequency: expected an integer >= 0, got -1"),
    "fractional bound": (lambda: D4.irreps(1.5), "max_frequency: expected an integer >= 0, got 1.5"),
    "bound too high": (lambda: D6.irreps(4), "max_frequency: D6 has no irrep above frequency 3, got 4"),
    "band limit too high": (lambda: C4.band_limited(3), "max_frequency: C4 has no irrep above frequency 2, got 3"),
    "band limit type": (
        lambda: SO2.band_limited("3"),
        "max_frequency: expected an integer >= 0, or a list of irreps .*, got '3'",
    ),
    "regular": (lambda: O2.regular, "regular: O\\(2\\) is continuous, .* use .band_limited\\(max_frequency\\)"),
    "infinite quotient": (
        lambda: O2.quotient("C4"),
        "max_frequency: O\\(2\\)/C4 has infinitely many .* pass the highest",
    ),
    "finite quotient": (lambda: D4.quotient("C4", 2), "max_frequency: D4/C4 is finite, .* got 2; leave it out"),
    "nothing in band": (
        lambda: C4.irrep("B").induce(SO2, 1),
        "max_frequency: no irrep of SO\\(2\\) up to 1 .* higher one",
    ),
    "degree": (lambda: C4.harmonic(-1), "degree: expected an integer >= 0, got -1"),
    "harmonics": (lambda: harmonics([1.0, 0.0], 0.5), "degree: expected an integer >= 0, got 0.5"),
    "sum": (lambda: C4.vector + D4.vector, "\\+: both .* of one group, got .*'C4'.* and .*'D4'.*; restrict one"),
    "tensor": (lambda: C4.vector.tensor(D4.vector), "tensor: both representations must be of one group, got"),
    "tensor with": (lambda: C4.vector.tensor(2), "tensor: expected a representation such as group.regular, got 2"),
    "intertwiners": (
        lambda: intertwiners(C4.vector, D4.vector),
        "intertwiners: both .* of one group, got .* restrict one",
    ),
    "intertwiners of": (lambda: intertwiners("A", C4.vector), "intertwiners: expected a representation .* got 'A'"),
    "multiplicity": (lambda: multiplicity(C4.vector, D4.vector), "multiplicity: both .* of one group"),
    "clebsch_gordan": (lambda: clebsch_gordan(C4.vector, D4.vector, C4.vector), "both representations .* of one group"),
    "coupling": (lambda: coupling(D4.vector, D4.trivial), "first: expected an irrep such as group.irrep"),
    "coupling of two groups": (lambda: coupling(C4.trivial, D4.trivial), "both representations must be of one group"),
    "coupling bound": (lambda: coupling(D4.trivial, D4.trivial, -1), "max_frequency: expected an integer >= 0, got -1"),
    "square_coupling": (lambda: square_coupling([D4.trivial]), "psi: expected an irrep such as group.irrep"),
    "clebsch_gordan out": (lambda: clebsch_gordan(C4.vector, C4.vector, D4.vector), "both representations .* of one"),
    "decompose under": (lambda: decompose(D4.vector, C4), "group: .* is one of .*'D4'.*, got .*'C4'.*; restrict it"),
    "matrices of SO(2)": (lambda: decompose(np.eye(2)[None], SO2), "group: .* finite group only, got SO\\(2\\)"),
    "no matrices": (lambda: decompose("E", C4), "rep: expected a representation or an array of matrices, got 'E'"),
    "too few": (
        lambda: decompose(np.ones((3, 1, 1)), C4),
        "rep: expected matrices \\(4, n, n\\), .* of C4, got \\(3, 1, 1\\)",
    ),
    "not square": (
        lambda: decompose(np.ones((4, 1, 2)), C4),
        "rep: expected matrices \\(4, n, n\\), .* got \\(4, 1, 2\\)",
    ),
    "empty": (lambda: decompose(np.ones((4, 0, 0)), C4), "rep: expected matrices \\(4, n, n\\), .* got \\(4, 0, 0\\)"),
    "no homomorphism": (
        lambda: decompose(np.full((4, 1, 1), -1.0), C4),
        "rep: .* not an orthogonal .* of C4: .* by 2,",
    ),
    "not orthogonal": (
        lambda: decompose(np.zeros((1, 1, 1)), C1),
        "rep: .* not an orthogonal .* of C1: .* from 1 by 1",
    ),
    "not finite": (lambda: decompose(np.full((4, 1, 1), np.nan), C4), "rep: .* not an orthogonal .* by nan"),
}


SPACE = {
    "near name": (
        lambda: steer.group("Og", dim=3),
        "name: no group of space is called 'Og'; did you mean 'O.*The names",
    ),
    "other case": (lambda: steer.group("c4V", dim=3), "did you mean 'C4v'"),
    "grammar": (
        lambda: steer.group("xyz", dim=3),
        "C{n}, C{n}v, .* Ih; Cinf, .* O\\(3\\); and Hermann-Mauguin symbols",
    ),
    "not a string": (lambda: steer.group(4, dim=3), "name: expected a string such as 'Oh' or 'SO\\(3\\)', got 4"),
    "odd S": (lambda: steer.group("S3", dim=3), "name: S{2n} needs an even number, got 'S3'; .* is C3h"),
    "n below one": (lambda: steer.group("D0h", dim=3), "name: 'D0h' has n = 0; n must be at least 1"),
    "S of zero": (lambda: steer.group("S0", dim=3), "name: 'S0' has n = 0"),
    "no Dinfd": (lambda: steer.group("Dinfd", dim=3), "name: no group of space is called 'Dinfd'; did you mean 'Dinf"),
    "no Sinf": (lambda: steer.group("Sinf", dim=3), "name: no group of space is called 'Sinf'"),
    "even Ci": (lambda: steer.group("C4i", dim=3), "name: no group of space is called 'C4i'"),
    "distance": (lambda: OH.vector(np.diag([1.0, 1.0, 0.5])), "g: a matrix is 0.5 \\(Frobenius norm\\) away .* of Oh"),
    "distance to O(3)": (lambda: O3.vector(np.diag([1.0, 1.0, 1.25])), "g: a matrix is 0.25 .* element of O\\(3\\)"),
    "not a number": (lambda: O3.vector(np.full((3, 3), np.nan)), "g: a matrix is nan"),
    "shape": (lambda: OH.contains(np.eye(2)), "g: expected matrices of shape \\(\\.\\.\\., 3, 3\\) for Oh, got"),
    "zero axis": (lambda: O3.subgroup("C4", axis=(0, 0, 0)), "axis: expected a direction, got a vector of length zero"),
    "short axis": (lambda: O3.subgroup("C4", axis=(0, 1)), "axis: expected a direction such as .*, got \\(0, 1\\)"),
    "named axis": (lambda: O3.subgroup("C4", axis="w"), "axis: expected a direction such as .* or 'z', got 'w'"),
    "infinite axis": (lambda: O3.subgroup("C4", axis=(0, 0, np.inf)), "axis: expected a direction"),
    "no subgroup": (
        lambda: OH.subgroup("C5"),
        "name: C5 is not a subgroup of Oh; its subgroups are C1, Cs, Ci, C2, C3,",
    ),
    "no axis": (
        lambda: OH.subgroup("C4", axis=(1, 1, 1)),
        "axis: Oh has no subgroup C4 there, got \\(1, 1, 1\\); it has one along \\(0.0, 0.0, 1.0\\), .*1.0",
    ),
    "slanted secondary": (
        lambda: O3.subgroup("D3", axis="z", secondary=(1, 0, 1)),
        "secondary: expected a direction perpendicular to the axis, got \\(1, 0, 1\\), 45 degrees from it",
    ),
    "no secondary there": (
        lambda: C4V.subgroup("C2v", secondary=0.1),
        "secondary: C4v has no subgroup C2v there, got 0.1; it has one along \\(0.0, 0.0, 1.0\\)",
    ),
    "needless secondary": (
        lambda: O3.subgroup("C3", secondary="x"),
        "secondary: C3 has no secondary axis; leave it out",
    ),
    "infinite secondary": (lambda: O3.subgroup("D3", secondary=np.inf), "secondary: expected an angle in radians or"),
    "keyword": (lambda: OH.subgroup("C4", angle=1), "angle: unknown argument; a subgroup of Oh takes axis= and second"),
    "no element list": (lambda: O3.cayley_table, "O\\(3\\) is continuous and has no list of elements"),
    "no classes": (lambda: O3.conjugacy_classes, "O\\(3\\) is continuous and has no list of elements"),
    "max_order": (lambda: O3.subgroups(-1), "max_order: expected an integer >= 0, got -1"),
    "max_degree": (lambda: O3.haar(-1), "max_degree: expected an integer >= 0, got -1"),
    "no rotation": (lambda: wigner_d(-np.eye(3), 2), "rotations: a matrix is 2 away from a rotation"),
}


@pytest.mark.parametrize("case", SPACE)
def test_group_errors_in_space(case):
    call, message = SPACE[case]
    with pytest.raises(GroupError, match=message):
        call()


def test_label_errors_in_space():
    for call, message in (
        (lambda: OH.irrep("T1"), "label: Oh has no irrep 'T1'; did you mean 'T1"),
        (lambda: O3.irrep("1"), "label: O\\(3\\) has no irrep '1'; did you mean '1.' or '1.'"),
        (lambda: steer.group("Dinfh", dim=3).irrep("Σ"), "label: Dinfh has no irrep"),
        (lambda: steer.group("SO(3)", dim=3).irrep("1o"), "label: SO\\(3\\) has no irrep '1o'; did you mean '1'"),
        (lambda: OH.harmonic(-1), "degree: expected an integer >= 0, got -1"),
        (lambda: wigner_d(np.eye(3), -1), "degree: expected an integer >= 0, got -1"),
        (lambda: O3.irreps(), "max_frequency: O\\(3\\) has infinitely many irreps"),
        (lambda: O3.regular, "regular: O\\(3\\) is continuous"),
    ):
        with pytest.raises(RepresentationError, match=message):
            call()


@pytest.mark.parametrize("case", GROUPS)
def test_group_errors(case):
    call, message = GROUPS[case]
    with pytest.raises(GroupError, match=message):
        call()


@pytest.mark.parametrize("case", REPRESENTATIONS)
def test_representation_errors(case):
    call, message = REPRESENTATIONS[case]
    with pytest.raises(RepresentationError, match=message):
        call()


def test_shape_errors():
    for function in (harmonics, solid_harmonics):
        with pytest.raises(
            ShapeError, match=re.escape("points: expected shape (..., 1), (..., 2) or (..., 3), got (5, 4)")
        ):
            function(np.zeros((5, 4)), 1)
        with pytest.raises(
            ShapeError, match=re.escape("points: expected shape (..., 1), (..., 2) or (..., 3), got ()")
        ):
            function(1.0, 1)
    with pytest.raises(ShapeError, match=re.escape("rotations: expected shape (..., 3, 3), got (2, 2)")):
        wigner_d(np.eye(2), 1)


def test_a_sum_with_something_else_is_a_type_error():
    with pytest.raises(TypeError, match="unsupported operand"):
        C4.vector + 1


def test_broken_projectors_are_reported_not_returned():
    # these cannot be reached through the public functions: a wrong rank is an error in a group or a quadrature
    with pytest.raises(ArithmeticError, match="rank 2 gave 1 independent columns; please report"):
        orthonormal_columns([np.eye(3)[0], np.eye(3)[0]], rank=2, size=3)
    with pytest.raises(ArithmeticError, match="found 1 of 2 copies of an irrep; please report"):
        independent_isometries(np.ones((1, 1, 1)), np.ones((1, 1, 1)), 2)


def test_every_message_offers_a_name_that_exists():
    # following the advice of an error message works
    for group in (C4, D6, SO2, O2, OH, C4V, O3):
        with pytest.raises(RepresentationError) as caught:
            group.irrep("A9")
        for label in re.findall("'([^']+)'", str(caught.value).partition(";")[2]):
            assert group.irrep(label).label == label
