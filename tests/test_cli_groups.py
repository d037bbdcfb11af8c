"""`steer groups`, read back from the screen: names and characters of books, orthogonality, subgroups, splittings."""

import functools
import math
import re
from typing import NamedTuple

import numpy as np
import pytest
from typer.testing import CliRunner

import steer
from steer.cli import app
from steer.reps.groups._names import HERMANN_MAUGUIN
from steer.reps.groups._spatial import all_groups
from tests.reps.character_tables import TABLES

SIGMA, PHI, DEGREES = "\N{GREEK SMALL LETTER SIGMA}", (1 + math.sqrt(5)) / 2, range(7)
SURDS = {"√2": math.sqrt(2), "√3": math.sqrt(3), "φ": PHI, "1/φ": 1 / PHI, "φ²": PHI**2}
WORDS = ["type", "linear", "quadratic"]

SPATIAL = [(group.name, 3) for group in all_groups(6)]
PLANAR = [(f"{kind}{n}", 2) for n in range(1, 9) for kind in "CD"] + [("SO(2)", 2), ("O(2)", 2)]
EVERY = [*SPATIAL, *PLANAR, ("C1v", 3), ("D1", 3), ("D8h", 3), ("C7", 3)]
FINITE = [(name, dim) for name, dim in EVERY if steer.group(name, dim=dim).is_finite]
CONTINUOUS = [pair for pair in EVERY if pair not in FINITE]

ROUNDED = 5e-4
"""Characters that are neither integers nor listed in `SURDS` are printed with three decimals."""


class Page(NamedTuple):
    """What was printed of one group: the columns of the character table by heading, and the other tables by lines."""

    text: str
    labels: list[str]
    columns: dict[str, list[str]]
    subgroups: list[list[str]]
    split: list[dict[str, int]]

    @property
    def classes(self):
        return [heading for heading in self.columns if heading not in WORDS]


@functools.cache
def printed(*arguments, width=80):
    found = CliRunner().invoke(app, ["groups", *arguments], env={"COLUMNS": str(width)})
    assert found.exit_code == 0, found.output
    assert "\N{HORIZONTAL ELLIPSIS}" not in found.output, "something is cut off"
    assert max(map(len, found.output.splitlines())) <= width, "lines are too long"
    return found.output


def tables(text):
    """Every table, those side by side too: rows of cells, the headings first. The rule below those shows how wide."""
    lines, out = text.splitlines(), []
    for i, line in enumerate(lines):
        for rule in re.finditer("─+", line):
            rows = [row[rule.start() : rule.end()].ljust(len(rule[0])) for row in lines[i - 1 :]]
            end = [not row.strip() or row.startswith("steer.group") for row in [*rows, ""]].index(True)
            out.append(cells([rows[0], *rows[2:end]]))
    return out


def cells(rows):
    """The cells of rows of text. Columns are two blanks apart, and a heading has no two blanks in it."""
    used = "".join("x" if any(row[i] != " " for row in rows) else " " for i in range(len(rows[0])))
    spans = [match.span() for match in re.finditer(r"x(?: ?x)*", used)]
    return [[row[start:stop].strip() for start, stop in spans] for row in rows]


@functools.cache
def page(name, dim=3, width=80):
    text = printed(name, "--dim", str(dim), width=width)
    blocks = tables(text)
    columns, labels = {}, []
    for head, *rows in (block for block in blocks if block[0][0] == "irrep"):
        labels = [row[0] for row in rows]
        columns |= {heading: [row[i] for row in rows] for i, heading in enumerate(head) if i}
    split = next(block for block in blocks if block[0][0] == "degree")[1:]
    subgroups = next((block for block in blocks if block[0][0] in ("name", "kind")), [[]])[1:]
    return Page(text, labels, columns, subgroups, [terms(row[2]) for row in split])


def terms(text):
    """Label -> multiplicity, of a sum such as A1g + 2 T2g."""
    found = [re.fullmatch(r"(?:(\d+) )?(\S+)", term) for term in text.split(" + ")]
    return {match[2]: int(match[1] or 1) for match in found}


def number(text):
    """The value of a character or component as printed."""
    sign, size = (-1, text[1:]) if text.startswith("-") else (1, text)
    return sign * (SURDS[size] if size in SURDS else float(size))


def table_of(name, dim=3):
    """(irreps, classes): the characters on the screen, and the sizes of the classes."""
    found = page(name, dim)
    values = np.array([[number(cell) for cell in found.columns[heading]] for heading in found.classes]).T
    return values, np.array([parsed(heading)[0] for heading in found.classes])


def parsed(heading):
    """Size, symbol, n and k of a class: "12C5^2" is (12, "C", 5, 2); marks are left out."""
    count, symbol, n, k = re.match(rf"(\d*)([ECSi{SIGMA}])(\d*)(?:\^(\d+))?", heading).groups()
    return int(count or 1), symbol, int(n or {"i": 2}.get(symbol, 1)), int(k or 1)


def harmonic_character(heading, degree, dim):
    """The trace on the harmonics of a degree, from the name of the class alone."""
    _, symbol, n, k = parsed(heading)
    turn = 2 * math.pi * k / n
    if dim == 2:
        return (1 if degree == 0 else 2 * math.cos(degree * turn)) if symbol in "EC" else float(degree == 0)
    if symbol not in "EC":  # S_n^k is the inversion times the rotation by half a turn more
        turn += math.pi
    sign = 1 if symbol in "EC" else (-1) ** degree
    return sign * sum(math.cos(m * turn) for m in range(-degree, degree + 1))


# The catalogue ------------------------------------------------------------------------------------------------------


def test_the_catalogue_lists_every_family():
    rows = [row for table in tables(printed()) for row in table[1:]]
    families = {re.sub(r"\d+", "{2n}" if name[0] == "S" else "{n}", name) for name, dim in FINITE}
    families |= {name for name, _ in CONTINUOUS}
    assert {row[0] for row in rows} == families - {"Cs", "Ci"} | {"C1", "D1"}  # of a line
    assert all(f"is {name}" in printed() for name in ("Cs", "Ci"))


@pytest.mark.parametrize("n", [2, 3, 8])
def test_orders_in_the_catalogue_are_right(n):
    line, plane, *rest = tables(printed())
    for block, dim in [(line, 1), (plane, 2), *((block, 3) for block in rest)]:
        for name, order, *_ in block[1:]:
            found = steer.group(name.replace("{n}", str(n)).replace("{2n}", str(2 * n)), dim=dim).order
            shown = int(order[:-1] or 1) * n if order.endswith("n") else float(order.replace("∞", "inf"))
            assert found == shown, name


def test_the_catalogue_gives_the_international_symbols():
    symbols = [row[3].split(", ") for block in tables(printed())[2:4] for row in block[1:]]
    found = [HERMANN_MAUGUIN[symbol] for line in symbols for symbol in line if symbol]
    assert sorted(found) == sorted(set(HERMANN_MAUGUIN.values()))


def test_what_the_screen_tells_to_type_runs():
    for text in (printed(), page("Oh").text, page("C1v").text, page("D8", 2).text):
        for code in re.findall(r"steer\.group\(.*?(?=  | or |\n)", text):
            assert isinstance(eval(code, {"steer": steer}), steer.reps.Group)
    commands = re.findall(r"steer groups ([^,\n]+?)(?=,|\.\n)", printed())
    assert len(commands) == 3
    for command in commands:
        printed(*command.replace("'", "").split())


# Character tables ---------------------------------------------------------------------------------------------------


def test_groups_of_a_line_have_pages():
    found = page("D1", 1)
    assert found.labels == ["A1", "A2"]
    assert found.columns["linear"] == ["", "x"]
    assert found.columns["quadratic"] == ["x²", ""]
    assert len(found.split) == 2  # harmonics of degree 0 and 1
    assert "The reflection takes x to -x." in found.text
    assert "The plane has a group D1: steer groups D1 --dim 2" in found.text
    assert page("C1", 1).labels == ["A"]


@pytest.mark.parametrize(("name", "dim"), EVERY)
def test_every_group_has_a_page_that_fits_80_columns(name, dim):
    group, found = steer.group(name, dim=dim), page(name, dim)
    assert found.labels == [psi.label for psi in group.irreps(None if group.is_finite else 4)]
    assert f"rder {group.order}" in found.text or (not group.is_finite and "Infinite order" in found.text)
    assert len(found.split) == len(DEGREES)


@pytest.mark.parametrize(("name", "dim"), FINITE)
def test_rows_of_the_table_are_orthogonal(name, dim):
    values, sizes = table_of(name, dim)
    group = steer.group(name, dim=dim)
    assert sizes.sum() == group.order
    # rounded characters are at most 2 in size, so a product of two is off by less than 2 * 2 * ROUNDED + ROUNDED^2
    decimals = any(re.search(r"\.\d{3}", cell) for column in page(name, dim).columns.values() for cell in column)
    atol = 4.1 * ROUNDED if decimals else 1e-12
    norms = [2.0 if psi.type == "complex" else 1.0 for psi in group.irreps()]
    np.testing.assert_allclose((values * sizes) @ values.T / sizes.sum(), np.diag(norms), rtol=0, atol=atol)
    kinds = page(name, dim).columns.get("type", [""] * len(norms))
    assert kinds == ["complex" if norm == 2 else "" for norm in norms]


def book_name(group, operation, count, others):
    """A class of the published tables as the command writes it."""
    symbol, n, k, direction = operation
    if symbol in "Ei":
        return symbol
    name = SIGMA if symbol == "sigma" else f"{symbol}{n}" + (f"^{k}" if k > 1 else "")
    if group in ("D2", "D2h"):
        name += f"({direction if symbol == 'C' else 'xyz'.replace(direction, '')})"
    elif symbol == "sigma":
        mark = {"h": "h", "axes": "h", "diagonal": "d", "x": "v", "between": "v'" if group == "C2v" else "d", "any": ""}
        name += mark[direction]
    elif (symbol, n) == ("C", 2) and any(other[:2] == ("C", 2) and other != operation for other in others):
        name += {"z": "", "axes": "", "x": "'", "diagonal": "'", "between": "''"}[direction]
    return (str(count) if count > 1 else "") + name


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_the_published_ones(name):
    table, found = TABLES[name], page(name)
    operations = [operation for operation, _ in table.classes]
    expected = [book_name(name, operation, count, operations) for operation, count in table.classes]
    assert sorted(found.classes) == sorted(expected)
    assert sorted(found.labels) == sorted(table.rows)
    for label, row in table.rows.items():
        shown = [number(found.columns[heading][found.labels.index(label)]) for heading in expected]
        np.testing.assert_allclose(shown, row, rtol=0, atol=1e-12, err_msg=label)


def test_names_of_classes_are_those_of_books():
    s = SIGMA
    assert page("Oh").classes == ["E", "8C3", "3C2", "6C4", "6C2'", "i", "8S6", f"3{s}h", "6S4", f"6{s}d"]
    assert page("Ih").classes == ["E", "12C5", "12C5^2", "20C3", "15C2", "i", "12S10^3", "12S10", "20S6", f"15{s}"]
    assert page("D3h").classes == ["E", "2C3", "3C2", f"{s}h", "2S3", f"3{s}v"]
    assert page("C4v").classes == ["E", "2C4", "C2", f"2{s}v", f"2{s}d"]
    assert page("T").classes == ["E", "8C3", "3C2"]
    assert page("D4d").classes == ["E", "2S8", "2C4", "2S8^3", "C2", "4C2'", f"4{s}d"]
    assert page("D4", 2).classes == ["E", "2C4", "C2", f"2{s}", f"2{s}'"]


@pytest.mark.parametrize(("name", "dim"), EVERY)
def test_functions_are_as_many_as_their_irreps_have_components(name, dim):
    found, group = page(name, dim), steer.group(name, dim=dim)
    for i, label in enumerate(found.labels):
        size = group.irrep(label).size
        linear = re.findall(r"(?<!R)[xyz]", found.columns["linear"][i])
        assert len(linear) == size * found.split[1].get(label, 0)
        # quadratic functions are harmonics of degree 2 and the square of the radius
        quadratic = [text for text in re.split(r"[(), ]+", found.columns["quadratic"][i]) if text]
        assert len(quadratic) == size * (found.split[0].get(label, 0) + found.split[2].get(label, 0))
    shown = " ".join(found.columns["linear"])
    assert sorted(re.findall(r"R[xyz]?", shown)) == (["R"] if dim == 2 else ["Rx", "Ry", "Rz"])


@pytest.mark.parametrize(
    ("name", "label", "linear", "quadratic"),
    [
        ("C3v", "E", "(x, y), (Rx, Ry)", "(x²-y², xy), (xz, yz)"),
        ("C2v", "B1", "x, Ry", "xz"),
        ("Oh", "T1g", "(Rx, Ry, Rz)", ""),
        ("Td", "T2", "(x, y, z)", "(xy, xz, yz)"),
        ("Td", "E", "", "(2z²-x²-y², x²-y²)"),
        ("Ih", "Hg", "", "(2z²-x²-y², x²-y², xy, xz, yz)"),
        ("Dinfh", "E1g", "(Rx, Ry)", "(xz, yz)"),
    ],
)
def test_functions_are_those_of_books(name, label, linear, quadratic):
    found = page(name)
    i = found.labels.index(label)
    assert (found.columns["linear"][i], found.columns["quadratic"][i]) == (linear, quadratic)


@pytest.mark.parametrize(("width", "blocks"), [(60, 2), (80, 2), (120, 1)])
@pytest.mark.parametrize("name", ["Oh", "Ih"])
def test_wide_tables_are_split_and_never_cut(name, width, blocks):
    assert printed(name, width=width).count("irrep ") == blocks
    assert page(name, width=width)[1:] == page(name)[1:]


@pytest.mark.parametrize("name", ["D200", "C1000000", "D120h"])
def test_groups_that_are_too_large_have_a_heading_and_the_reason(name):
    text = printed(name)
    assert f"Order {steer.group(name, dim=2 if name == 'C1000000' else 3).order}, " in text
    assert "The tables are left out: they are made for groups of up to 256 elements." in text


def test_very_large_tables_are_left_out():
    assert "The character table is left out: it has 45 columns." in printed("C88")


# Subgroups and harmonics --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dim", "expected"),
    [
        ("O", 3, "T D4 D3"),
        ("I", 3, "T D5 D3"),
        ("T", 3, "D2 C3"),
        ("Oh", 3, "O Td Th D4h D3d"),
        ("Td", 3, "T D2d C3v"),
        ("Th", 3, "T D2h S6"),
        ("Ih", 3, "I Th D5d D3d"),
        ("D4h", 3, "D4 C4v C4h D2h D2h D2d D2d"),
        ("D6", 3, "C6 D3 D3 D2"),
        ("D6", 2, "C6 D3 D3 D2"),
        ("C1", 2, ""),
    ],
)
def test_maximal_subgroups(name, dim, expected):
    found = page(name, dim).subgroups
    assert sorted(row[0] for row in found) == sorted(expected.split())
    order = steer.group(name, dim=dim).order
    assert all(int(row[1]) * int(row[2]) == order for row in found)
    if (name, dim) == ("D6", 2):
        assert [row[3] for row in found if row[0] == "D3"] == ["x", "π/6"]


@pytest.mark.parametrize(("name", "dim"), [pair for pair in FINITE if pair[1] == 3])
def test_subgroups_are_where_the_screen_says(name, dim):
    group = steer.group(name, dim=dim)
    for small, order, _, *places in page(name, dim).subgroups:
        cells = [place for place in places if place and not re.search(r"\.\d{3}", place)]
        where = [place if len(place) == 1 else [number(x) for x in place.strip("()").split(", ")] for place in cells]
        found = group.subgroup(small, **dict(zip(("axis", "secondary"), where, strict=False)))
        assert found <= group
        assert found.order == int(order)


@pytest.mark.parametrize(("name", "dim"), FINITE)
def test_harmonics_split_as_their_characters_say(name, dim):
    # the characters are those of the screen, the harmonics' own follow from the names of the classes
    values, _ = table_of(name, dim)
    found = page(name, dim)
    for degree in DEGREES:
        expected = [harmonic_character(heading, degree, dim) for heading in found.classes]
        counts = np.array([found.split[degree].get(label, 0) for label in found.labels])
        # up to 13 harmonics, each with a rounded character
        np.testing.assert_allclose(counts @ values, expected, rtol=0, atol=13 * ROUNDED)


def test_harmonics_split_as_in_the_literature():
    # Dresselhaus, Group Theory, table 5.6, and Griffith, The Theory of Transition-Metal Ions, for the icosahedron
    assert page("Oh").split[2] == {"Eg": 1, "T2g": 1}
    assert page("Oh").split[3] == {"A2u": 1, "T1u": 1, "T2u": 1}
    assert page("Oh").split[4] == {"A1g": 1, "Eg": 1, "T1g": 1, "T2g": 1}
    assert page("Ih").split[3] == {"T2u": 1, "Gu": 1}
    assert page("Ih").split[6] == {"Ag": 1, "T1g": 1, "Gg": 1, "Hg": 1}
    assert page("O(3)").split == [{f"{degree}{'eo'[degree % 2]}": 1} for degree in DEGREES]


# Continuous groups --------------------------------------------------------------------------------------------------


def at_angle(formula, t):
    """A character of a rotation as printed, at the angle t."""
    if formula.startswith("2 cos"):
        return 2 * math.cos(int(formula[6:-1] or 1) * t)
    half = re.fullmatch(r"sin\((\d+)t/2\) / sin\(t/2\)", formula)
    return math.sin(int(half[1]) * t / 2) / math.sin(t / 2) if half else float(formula)


@pytest.mark.parametrize(("name", "dim"), CONTINUOUS)
def test_characters_of_continuous_groups(name, dim):
    group, found, t = steer.group(name, dim=dim), page(name, dim), 0.7
    turn = np.eye(dim)
    turn[:2, :2] = [[math.cos(t), -math.sin(t)], [math.sin(t), math.cos(t)]]
    mirrors = {SIGMA: [1, -1], f"{SIGMA}h": [1, 1, -1], f"{SIGMA}v": [1, -1, 1], "i": [-1, -1, -1], "C2'": [1, -1, -1]}
    for heading in found.classes:
        g = turn if heading == "rotation by t" else np.diag(mirrors[heading])
        shown = [at_angle(cell, t) for cell in found.columns[heading]]
        np.testing.assert_allclose([group.irrep(label).character(g) for label in found.labels], shown, atol=1e-12)


def test_subgroups_of_continuous_groups_are_named_by_family():
    assert page("SO(3)").subgroups == [
        ["any n", "C{n}, D{n}"],
        ["other finite", "T, O, I"],
        ["continuous", "Cinf, Dinf"],
    ]
    assert page("Cinfv").subgroups == [["any n", "C{n}, C{n}v"], ["other finite", "Cs"], ["continuous", "Cinf"]]
    assert page("O(2)", 2).subgroups == [["any n", "C{n}, D{n}"], ["continuous", "SO(2)"]]
    assert dict(page("O(3)").subgroups)["any n"] == "C{n}, C{n}v, C{n}h, S{2n}, D{n}, D{n}h, D{n}d"


# What is typed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Ooh"], "error: name: no group of space is called 'Ooh'; did you mean 'Oh'"),
        (["Oh", "--dim", "2"], "error: name: no planar group is called 'Oh'"),
        (["[red]"], "error: name: no group of space is called '[red]'"),
        ([""], "error: name: no group of space is called ''"),
        (["Oh", "--dim", "4"], "error: dim: expected 1 (a line), 2 (the plane) or 3 (space), got 4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_refused(arguments, message):
    found = CliRunner().invoke(app, ["groups", *arguments])
    assert found.exit_code == 2
    assert message in " ".join(found.output.split())
    assert "Traceback" not in found.output


def test_international_symbols_are_names():
    assert printed("-43m") == printed("Td")
    assert printed("4/mmm").startswith(
        "D4h, Hermann-Mauguin symbol 4/mmm\nOrder 16, not abelian, 10 conjugacy classes."
    )


def test_settings_are_told():
    assert "The mirror plane is perpendicular to y." in printed("C1v")
    assert "The principal axis is z; a mirror plane contains x." in printed("C3v")
    assert "The principal axis is z; a two-fold axis is x." in printed("D3d")
    assert "No axis is distinguished." in printed("Ci")


def test_terminals_without_greek_letters_show_question_marks():
    found = CliRunner(charset="ascii").invoke(app, ["groups", "Oh"])
    assert found.exit_code == 0
    assert "3?h" in found.output


def test_another_dimension_is_named_and_none_but_1_to_3_taken():
    for name in ("O(2)", "SO(2)"):
        found = CliRunner().invoke(app, ["groups", name])
        assert found.exit_code == 2
        assert f"The plane has a group {name}: steer groups '{name}' --dim 2" in found.output
    for arguments in (["--dim", "5"], ["D4", "--dim", "5"], ["--dim", "0"]):
        found = CliRunner().invoke(app, ["groups", *arguments])
        assert found.exit_code == 2
        assert f"error: dim: expected 1 (a line), 2 (the plane) or 3 (space), got {arguments[-1]}" in found.output
