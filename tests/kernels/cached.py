"""What tests of the cache share."""

import steer
from steer.kernels import cache
from steer.kernels.bases._wigner_eckart import describe
from steer.kernels.cache import _store

D6 = steer.group("D6", dim=2)
DESCRIPTOR = describe(D6.regular, D6.regular, 3)
SMALL = describe(D6.trivial, D6.vector, 1)
OTHERS = [describe(D6.vector, D6.vector, degree) for degree in range(3)]


def counts():
    """Hits in memory, hits on disk, and solutions of this process."""
    found = cache.info()
    return found.memory_hits, found.disk_hits, found.solved


def files(folder, pattern="*.safetensors"):
    """The files of that pattern, in the order of their names."""
    return sorted(folder.glob(pattern))


def only_file(folder):
    """The one file of a solution, when there is no temporary file beside it."""
    (path,) = (item for item in folder.iterdir() if item.is_file())
    assert path.suffix == ".safetensors"
    return path


def held(file):
    """What a file (path or bytes) holds, in bytes, but for the seconds that solving took."""
    data = file if isinstance(file, bytes) else file.read_bytes()
    content = _store.decode(data, _store.key_of(repr(DESCRIPTOR)))
    arrays = {name: (array.shape, array.tobytes()) for name, array in content.arrays.items()}
    return content._replace(arrays=arrays, seconds=0.0)


def same(first, second):
    """Assert that two angular solutions are equal in every bit."""
    assert list(first) == list(second)
    for key, angular in first.items():
        assert angular.tensors.tobytes() == second[key].tensors.tobytes()
        assert angular.tensors.shape == second[key].tensors.shape
        assert not second[key].tensors.flags.writeable
        assert angular.labels == second[key].labels
