"""Bad files cost a warning and the time to solve again, whoever made them."""

import os

import numpy as np
import pytest
import safetensors.numpy

from steer.kernels import cache
from steer.kernels.bases._wigner_eckart import solve
from steer.kernels.cache import _fetch, _store

from .cached import DESCRIPTOR, OTHERS, files, held, only_file, same


def test_many_bad_files_give_one_warning(folder):
    for descriptor in OTHERS:
        solve(descriptor)
    for path in files(folder):
        path.write_bytes(b"")
    cache.clear(disk=False)
    with pytest.warns(RuntimeWarning, match="cannot be used"):
        solve(OTHERS[0])
    solve(OTHERS[1])  # a second warning would be an error
    assert cache.info().solved == 2


def flipped(data):
    return data[:-1] + bytes([data[-1] ^ 1])


def relabelled(data):
    before, _, after = data.rpartition(b"E1")
    return before + b"E2" + after


def with_header(text, rest=b""):
    return len(text).to_bytes(8, "little") + text + rest


def deep(data):
    return with_header(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def resigned(change):
    """A file whose checksum is right although its contents were changed."""

    def damaged(data):
        content = _store.decode(data, cache.fingerprint(DESCRIPTOR))
        return _store.encode(content.descriptor, change(dict(content.arrays)), content.texts, 0.1)

    return damaged


DAMAGE = {
    "truncated": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one bit": flipped,
    "a bit of the header": lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
    "labels": relabelled,
    "a pickle": lambda data: b"\x80\x04K\x01." * 100,
    "foreign safetensors": lambda data: safetensors.numpy.save({"x": np.ones(3)}),
    "another solution": lambda data: data.replace(b"regular", b"vectors").replace(b"'D6'", b"'D7'"),
    "a header of 2^63 bytes": lambda data: (2**63).to_bytes(8, "little") + data[8:],
    "a header larger than any": lambda data: with_header(b" " * (_store.MAX_HEADER_BYTES + 1), data),
    "a deep header": deep,
    "a header that is a list": lambda data: with_header(b"[]"),
    "offsets outside": lambda data: data.replace(b'"data_offsets":[0,', b'"data_offsets":[9,'),
    "float32": lambda data: data.replace(b'"F64"', b'"F32"'),
    "not finite": resigned(lambda arrays: arrays | {"0": np.full_like(arrays["0"], np.nan)}),
    "another shape": resigned(lambda arrays: arrays | {"0": arrays["0"][..., :0]}),
    "an array more": resigned(lambda arrays: arrays | {"99999": np.ones(1)}),
    "an array less": resigned(lambda arrays: {name: a for name, a in arrays.items() if name != "0"}),
    "a path as a name": resigned(lambda arrays: arrays | {"../../x": np.ones(1)}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_bad_file_warns_and_is_replaced(folder, damage):
    first = solve(DESCRIPTOR)
    path = only_file(folder)
    good = path.read_bytes()
    bad = DAMAGE[damage](good)
    assert bad != good
    path.write_bytes(bad)
    cache.clear(disk=False)
    with pytest.warns(RuntimeWarning, match=rf"{path.name} cannot be used .*; it is computed again"):
        again = solve(DESCRIPTOR)
    same(first, again)
    assert held(only_file(folder)) == held(good)
    cache.clear(disk=False)
    same(first, solve(DESCRIPTOR))  # and no warning now
    assert cache.info().disk_hits == 1


def test_a_bad_file_is_replaced_however_fast_it_is_solved(folder, monkeypatch):
    solve(DESCRIPTOR)
    only_file(folder).write_bytes(b"")
    cache.clear(disk=False)
    monkeypatch.setattr(_fetch, "KEEP_SECONDS", 1e9)
    with pytest.warns(RuntimeWarning, match="cannot be used"):
        solve(DESCRIPTOR)
    assert cache.verify() == (1, {})


def test_the_file_of_another_descriptor_under_this_name(folder):
    solve(OTHERS[0])
    other = only_file(folder)
    first = solve(DESCRIPTOR)
    (path,) = set(files(folder)) - {other}
    os.replace(other, path)
    cache.clear(disk=False)
    with pytest.warns(RuntimeWarning, match="it is the file of another kernel basis"):
        same(first, solve(DESCRIPTOR))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder):
    solve(DESCRIPTOR)
    path = only_file(folder)
    cache.clear()
    os.mkfifo(path)
    with pytest.warns(RuntimeWarning, match="it is no plain file"):
        solve(DESCRIPTOR)
    assert cache.verify() == (1, {})


def test_a_folder_in_place_of_a_file_costs_only_time(folder):
    solve(DESCRIPTOR)
    path = only_file(folder)
    cache.clear()
    path.mkdir()
    with pytest.warns(RuntimeWarning) as caught:
        assert len(solve(DESCRIPTOR)) > 0
    assert ["cannot be" in str(warning.message) for warning in caught] == [True, True]  # used, and kept
    assert files(folder, "*.tmp") == []


def test_a_file_that_is_too_large_is_not_read(folder, monkeypatch):
    solve(DESCRIPTOR)
    cache.clear(disk=False)
    monkeypatch.setattr(_store, "MAX_FILE_BYTES", 100)
    with pytest.warns(RuntimeWarning, match="more than any kernel basis"):
        solve(DESCRIPTOR)


def test_verify_names_bad_files_and_deletes_them_when_asked(folder):
    for descriptor in OTHERS:
        solve(descriptor)
    path = files(folder)[1]
    path.write_bytes(flipped(path.read_bytes()))
    bad = {path: "its checksum does not match"}
    assert cache.verify() == (2, bad)
    assert cache.verify(delete=True) == (2, bad)
    assert cache.verify() == (2, {})
