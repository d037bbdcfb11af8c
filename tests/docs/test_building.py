"""The map for those who carry the library on is true: its table of rooms, and the files that it names."""

import re

import pytest

from tests.layout import FILES, PACKAGE, imports_of, module_name

from .pages import ROOT

PAGE = (ROOT / "docs" / "building.md").read_text(encoding="utf-8")
APART = {"steer", "steer._version", "steer.__main__"}
"""The facade, which names every layer, and two files of one line."""


def dotted(path):
    """`reps/theory/` or `errors.py` as a module."""
    return "steer." + path.removesuffix("/").removesuffix(".py").replace("/", ".")


def rows():
    """(rooms, what they may import) of each row of the table."""
    for line in PAGE.splitlines():
        cells = [re.findall(r"`([\w/.]+)`", cell) for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0] and line.startswith("| `"):
            yield [dotted(path) for path in cells[0]], [dotted(path) for path in cells[2]]


ROOMS = [room for rooms, _ in rows() for room in rooms]
MAY = {room: may for rooms, may in rows() for room in rooms}
TOGETHER = {room: rooms for rooms, _ in rows() for room in rooms}


def holds(room, module):
    return f"{module}.".startswith(f"{room}.")


def room_of(module):
    """The room of a module; None for a package that only names what its rooms have."""
    found = [room for room in ROOMS if holds(room, module)]
    assert len(found) <= 1, module
    return found[0] if found else None


def allowed(room):
    """All rooms that a room may import: its row of the table, and what that may import."""
    found, ahead = set(), [room]
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            ahead += TOGETHER[one] + [other for other in ROOMS if any(holds(may, other) for may in MAY[one])]
    return found


def test_every_file_is_in_a_room_and_every_room_is_there():
    modules = {module_name(path): path for path in FILES}
    for module, path in modules.items():
        only_names = path.name == "__init__.py" and any(holds(module, room) for room in ROOMS)
        assert room_of(module) or only_names or module in APART, f"{module} is in no room of docs/building.md"
    assert set(ROOMS) <= set(modules)


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_what_the_table_says(room):
    may = allowed(room)
    for path in FILES:
        if not holds(room, module_name(path)):
            continue
        for found in imports_of(path):
            if found.only_annotates or found.module in APART:
                continue
            other = room_of(found.module)
            reached = {other} if other else {one for one in ROOMS if holds(found.module, one)} & may
            assert reached, f"{found.importer} imports {found.module}, which is not open to {room}"
            assert reached <= may, f"{found.importer} imports {found.module}: docs/building.md does not let {room}"


def test_rooms_stand_below_what_they_import():
    for number, (rooms, may) in enumerate(rows()):
        above = {room for earlier, _ in list(rows())[:number] for room in earlier}
        for one in may:
            assert {room for room in ROOMS if holds(one, room)} <= above, (rooms, one)


def test_files_that_the_page_names_exist():
    for path in re.findall(r"`((?:[\w.]+/)+(?:\w+\.\w+)?)`", PAGE):
        places = [ROOT / path, PACKAGE / path]
        assert any(place.exists() for place in places), path
