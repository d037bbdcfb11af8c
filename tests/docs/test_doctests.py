"""The examples in docstrings run, and print what they say."""

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import steer

FOUND = [found.name for found in pkgutil.walk_packages(steer.__path__, "steer.")]
MODULES = [name for name in FOUND if not name.startswith("steer.demo") and name != "steer.__main__"]

SHOWN = {
    *("steer.group", "steer.project", "steer.export", "steer.nn.FieldType", "steer.nn.Conv2d", "steer.nn.Conv3d"),
    *("steer.reps.Group", "steer.reps.Representation", "steer.reps.clebsch_gordan", "steer.reps.decompose"),
    *("steer.reps.harmonics", "steer.reps.wigner_d", "steer.reps.quadrature", "steer.reps.fourier"),
    *("steer.kernels.kernel_basis", "steer.kernels.compile", "steer.kernels.Grid", "steer.kernels.cache.use"),
    *("steer.nn.models.UNet", "steer.testing.equivariance_error"),
}
"""What a beginner meets first has an example."""


def _examples(module: ModuleType) -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [found for found in finder.find(module) if found.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_module(name: str) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_ONLY_FIRST_FAILURE)
    printed: list[str] = []
    for example in _examples(importlib.import_module(name)):
        runner.run(example, out=printed.append)
    assert not runner.summarize(verbose=False).failed, "".join(printed)


@pytest.mark.parametrize("name", sorted(SHOWN))
def test_what_one_meets_first_has_an_example(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert ">>> " in getattr(importlib.import_module(module), attribute).__doc__
