"""Spec files: groups x types x kernel sizes in TOML, or in YAML where PyYAML is installed."""

import importlib
import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import SteerError, nearest
from ..kernels import KernelSpec
from ..reps import Group, Representation, group
from ..reps.groups._names import HERMANN_MAUGUIN

KEYS = {"groups": list, "dim": int, "types": list, "kernel_sizes": list, "basis": str, "max_frequency": int}
NEEDED = ("groups", "dim", "types", "kernel_sizes")
TYPES = "'trivial', 'vector', 'regular', 'irreps', 'irreps(4)', 'band_limited(2)', 'quotient(C4)' or an irrep's label"


def read_specs(path: Path) -> list[KernelSpec]:
    """The specs of a file: a list of tables `kernels`, of which each is a product of groups and kernel sizes.

    Raises:
        SteerError: the file cannot be read, or an entry is not understood; the message names it.
    """
    tables = _parsed(path).get("kernels")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise SteerError(f"{path}: expected one or more tables [[kernels]]")
    found = []
    for number, table in enumerate(tables, 1):
        try:
            found += list(_specs(table))
        except SteerError as error:
            raise SteerError(f"{path}, kernels {number}: {error}") from error
    return found


def _parsed(path: Path) -> dict[str, Any]:
    if path.suffix not in (".toml", ".yaml", ".yml"):
        raise SteerError(f"{path}: expected a spec file that ends in .toml, .yaml or .yml")
    try:
        if path.exists() and not path.is_file():
            raise SteerError(f"{path}: expected a file, got a directory, a pipe or a device")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SteerError(f"{path}: cannot be read ({error})") from error
    try:
        if path.suffix == ".toml":
            return tomllib.loads(text)
        found = _yaml().safe_load(text)
        return found if isinstance(found, dict) else {}
    except SteerError:
        raise
    except Exception as error:  # whatever the parser objects to
        raise SteerError(f"{path}: {error}") from error


def _yaml() -> Any:
    try:
        return importlib.import_module("yaml")
    except ImportError as error:
        raise SteerError("YAML files need PyYAML: pip install 'steer[yaml]', or write the file in TOML") from error


def _specs(table: dict[str, Any]) -> Iterator[KernelSpec]:
    for key, value in table.items():
        if key not in KEYS:
            raise SteerError(f"{nearest(key, KEYS)} Got {key!r}")
        if not isinstance(value, KEYS[key]) or isinstance(value, bool):
            raise SteerError(f"{key}: expected a value of type {KEYS[key].__name__}, got {value!r}")
    missing = [key for key in NEEDED if not table.get(key)]
    if missing:
        raise SteerError(f"expected values for {' and '.join(missing)}")
    options = {key: table[key] for key in ("basis", "max_frequency") if key in table}
    names = [name for given in table["groups"] for name in _names(given, table["dim"])]
    for name, size in itertools.product(dict.fromkeys(names), table["kernel_sizes"]):
        symmetry = group(name, dim=table["dim"])
        fields = [rep for text in table["types"] for rep in _fields(symmetry, text)]
        yield KernelSpec(fields, fields, tuple(size) if isinstance(size, list) else size, **options)


def _names(given: object, dim: int) -> list[str]:
    """The names that an entry of `groups` stands for."""
    if given == "crystallographic" and dim == 3:
        return list(dict.fromkeys(HERMANN_MAUGUIN.values()))
    if not isinstance(given, str):
        raise SteerError(f"groups: expected names of groups or 'crystallographic' (with dim = 3), got {given!r}")
    return [given]


def _fields(symmetry: Group, text: object) -> list[Representation]:
    """The representations that an entry of `types` stands for."""
    found = re.fullmatch(r"(\w+?)(?:\((.+)\))?", text) if isinstance(text, str) else None
    word, argument = found.groups() if found else ("", None)
    number = int(argument) if argument is not None and argument.isdecimal() else None
    if word == "irreps" and (number is not None or (argument is None and symmetry.is_finite)):
        known = symmetry.irreps(None if symmetry.is_finite else number)
        return [psi for psi in known if number is None or psi.frequency <= number]
    if word == "band_limited" and number is not None:
        return [symmetry.band_limited(number)]
    if word == "quotient" and argument is not None:
        return [symmetry.quotient(argument)]
    if argument is None and word in ("trivial", "vector", "regular"):
        return [getattr(symmetry, word)]
    if isinstance(text, str) and text in [psi.label for psi in symmetry.irreps(None if symmetry.is_finite else 12)]:
        return [symmetry.irrep(text)]
    raise SteerError(f"types: expected {TYPES} of {symmetry.name}, got {text!r}")
