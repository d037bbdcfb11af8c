"""Where random draws come from: a seed, a generator, or else NumPy's global state."""

import numpy as np

from ..._values import is_count
from ...errors import GroupError


def random_generator(seed: int | None, generator: "np.random.Generator | None") -> "np.random.Generator":
    """The given generator, one of the given seed, or a fresh one that NumPy's global state seeds.

    Raises:
        GroupError: both are given, or either is none.
    """
    # in quotes above, as NumPy loads `random` on first use
    if generator is not None:
        if seed is not None:
            raise GroupError("seed, generator: give one of them, or neither for fresh draws; got both")
        if not isinstance(generator, np.random.Generator):
            raise GroupError(
                f"generator: expected a numpy.random.Generator such as numpy.random.default_rng(), got {generator!r}"
            )
        return generator
    if seed is None:
        # the state that numpy.random.seed sets, and DataLoader in each of its workers: fresh draws that can be repeated
        return np.random.default_rng(np.random.randint(2**32, size=4, dtype=np.uint32))  # noqa: NPY002
    if not is_count(seed, 0):
        raise GroupError(f"seed: expected an integer >= 0, or None for fresh draws, got {seed!r}")
    return np.random.default_rng(int(seed))
