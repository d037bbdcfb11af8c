"""Settings of the whole test suite."""

import os

# Workers have a core each: threads of theirs would wait for each other. Before NumPy loads, which reads it once.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

# The same examples on every run and machine: a failure can be repeated, and a slow machine is not a failure.
hypothesis.settings.register_profile("steer", deadline=None, derandomize=True, max_examples=40, print_blob=True)
hypothesis.settings.load_profile("steer")


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Tests neither read nor fill the user's cache of kernel bases.
    os.environ["STEER_CACHE_DIR"] = str(tmp_path_factory.mktemp("steer-cache"))
