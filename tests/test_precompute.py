"""steer.precompute: what is collected, without weights; what is solved, by any number of processes; what goes wrong."""

import io
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from rich.console import Console

import steer
from steer import nn
from steer._precompute import _files, _pool, _run
from steer._precompute._gather import descriptors
from steer.errors import CacheError, KernelError, SteerError
from steer.kernels import KernelSpec, _collect, cache
from steer.kernels.bases._wigner_eckart import AngularDescriptor
from steer.kernels.cache import _fetch, _store
from steer.kernels.plans import _plan

from .nn.zoo import LAYERS, types_for

C8 = steer.group("C8", dim=2)
O3 = steer.group("O(3)", dim=3)
CUBE = steer.group("O", dim=3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("STEER_CACHE_DIR", str(tmp_path / "cache"))
    cache.clear()
    yield tmp_path / "cache"
    cache.clear()


def planar():
    image = nn.FieldType(C8, [C8.trivial])
    hidden = nn.FieldType(C8, [C8.irrep("A"), C8.irrep("E1"), C8.regular])
    return torch.nn.Sequential(
        nn.Conv2d(image, hidden, 3),
        nn.BatchNorm(hidden),
        torch.nn.ModuleList([nn.ConvTranspose2d(hidden, image, 3)]),
        nn.Conv2d(hidden, hidden, 3, groups=1),
        torch.nn.Linear(10_000, 10_000),
    )


def voxels():
    kind = nn.FieldType(CUBE, [CUBE.quotient("C4"), CUBE.irrep("T1"), CUBE.regular])
    return nn.Sequential(nn.Conv3d(kind, kind, 3, basis="pixel"), nn.Conv3d(kind, kind, 3), nn.Conv3d(kind, kind, 3))


@pytest.mark.parametrize("build", [planar, voxels])
def test_what_is_collected_is_what_a_model_solves(folder, monkeypatch, build):
    monkeypatch.setattr(_fetch, "KEEP_SECONDS", 0.0)
    wanted = descriptors(build)
    assert cache.info().solved == 0
    assert not cache.directory().exists()
    monkeypatch.setattr(_plan, "_compile", _plan._compile.__wrapped__)  # not one that another test has made
    steer.kernels.bases._basis._basis.cache_clear()
    steer.kernels.plans._cell._energies.cache_clear()
    model = build()
    named = {path.name.partition("-")[0] for path in folder.glob("*.safetensors")}
    assert named == {cache.fingerprint(descriptor) for descriptor in wanted}
    assert descriptors(model) == wanted
    assert len(wanted) >= 4


def test_nothing_has_data_while_it_is_collected():
    built = []

    def factory():
        built.append(planar())
        return built[0]

    descriptors(factory)
    (model,) = built
    assert all(tensor.is_meta or not tensor.numel() for tensor in model.parameters())
    with pytest.raises(KernelError, match="expand: a network that is built to collect its kernels"):
        model[0].filter()
    for verb in (
        lambda plan: plan.sample([[0.0, 0.0]]),
        lambda plan: plan.spectrum(torch.zeros(0)),
        lambda plan: plan.parts,
    ):
        with pytest.raises(KernelError, match="a network that is built to collect its kernels"):
            verb(model[0].plan)
    assert _collect.collector() is None
    assert planar()[0].weight.numel()


D4 = steer.group("D4", dim=2)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_can_be_built_while_specs_are_collected(name):
    wanted = [list(descriptors(lambda kind=kind: LAYERS[name](kind))) for kind in types_for(name, D4)]
    assert any(wanted) == (name == "ConvTranspose2d")


def test_what_cannot_work_is_refused_while_specs_are_collected():
    def mixed():
        return nn.Conv2d(nn.FieldType(C8, [C8.regular]), nn.FieldType(D4, [D4.regular]), 3)

    with pytest.raises(SteerError, match="maps between fields of one group"):
        descriptors(mixed)


MODULES_LOADED = """
import sys
import steer
from steer import nn
from steer._precompute._gather import descriptors

G = steer.group("O(2)", dim=2)
kind = nn.FieldType(G, G.irreps(2))
assert descriptors(lambda: nn.Sequential(nn.Conv2d(kind, kind, 3), nn.NormAct(kind), nn.ConvTranspose2d(kind, kind, 3)))
print("torch._dynamo" in sys.modules)
"""


def test_collecting_does_not_load_the_compiler_of_torch():
    # seconds of importing, which random numbers on the meta device would cost
    done = subprocess.run([sys.executable, "-c", MODULES_LOADED], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_an_error_of_the_factory_ends_collecting():
    def factory():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        descriptors(factory)
    assert _collect.collector() is None


def test_specs_are_values():
    spec = KernelSpec(3 * [C8.regular] + [C8.vector], nn.FieldType(C8, [C8.vector]), 3)
    again = KernelSpec([C8.regular, C8.vector], [C8.vector, C8.vector], (3, 3), basis="rings")
    assert spec == again
    assert hash(spec) == hash(again)
    (found,) = spec.descriptors()  # of the regular field kernels are free
    assert found == AngularDescriptor((C8.irrep("E1"),), (C8.irrep("E1"),), 2)
    assert descriptors([spec, [again]]) == [found]


def test_bad_specs_are_refused():
    with pytest.raises(KernelError, match="in_type: expected a FieldType or a list of representations"):
        KernelSpec(C8.regular, [C8.regular], 3)
    with pytest.raises(KernelError, match="expected fields of one group"):
        KernelSpec([C8.regular], [CUBE.regular], 3)
    with pytest.raises(KernelError, match="kernel_size: expected 2 sizes"):
        KernelSpec([C8.regular], [C8.regular], (3, 3, 3))
    with pytest.raises(KernelError, match="does not map"):
        KernelSpec([C8.vector], [C8.vector], 3, basis="pixel").descriptors()


def test_other_things_are_refused_in_few_words(folder):
    large = torch.zeros(100, 200)
    for given, shown in (
        (large, "Tensor of shape (100, 200)"),
        ([large.numpy()], "ndarray of shape (100, 200)"),
        (lambda: large, "Tensor of shape (100, 200)"),
    ):
        with pytest.raises(SteerError) as caught:
            steer.precompute(given)
        assert str(caught.value).endswith(f"; got {shown}")
    with pytest.raises(SteerError, match=r"\.\.\. \(bytes\)$"):
        steer.precompute(1000 * b"x")


@pytest.mark.parametrize("wanted", [3, None, [1], [None], object(), [C8]])
def test_other_things_are_refused(folder, wanted):
    with pytest.raises(SteerError, match="wanted: expected a model"):
        steer.precompute(wanted)
    assert not folder.exists()


def of_cube(count):
    irreps = CUBE.irreps()[:count]
    return KernelSpec(irreps, irreps, 3)


@pytest.mark.parametrize("workers", [1, 2])
def test_precompute_solves_all_once_and_then_finds_them(folder, workers):
    spec = of_cube(3)
    report = steer.precompute([spec, spec], workers=workers)
    assert (report.total, report.solved, report.hits, report.failed) == (9, 9, 0, {})
    assert report.size == cache.info().disk_bytes
    assert cache.verify() == (9, {})
    (folder / _store.file_name(cache.fingerprint(spec.descriptors()[0]))).unlink()  # as if it had been stopped
    again = steer.precompute(spec, workers=workers)
    assert (again.total, again.solved, again.hits, again.size) == (9, 1, 8, report.size)


def test_any_number_of_processes_writes_the_same(folder, tmp_path):
    found = []
    for workers in (1, 2):
        with cache.use(tmp_path / str(workers)):
            cache.clear(disk=False)
            steer.precompute(of_cube(2), workers=workers)
            found.append([(c.descriptor, {n: a.tobytes() for n, a in c.arrays.items()}) for _, c in cache.contents()])
    assert found[0] == found[1]
    assert len(found[0]) == 4


def test_what_is_in_memory_is_written_too(folder):
    (descriptor,) = of_cube(1).descriptors()
    _fetch.fetch(descriptor)
    assert steer.precompute(of_cube(1), workers=1).solved == 1
    assert cache.verify() == (1, {})


def test_shards_are_a_partition(folder):
    spec = of_cube(5)
    parts = [steer.precompute(spec, workers=1, shard=f"{i}/3") for i in (1, 2, 3)]
    assert sum(part.solved for part in parts) == 25
    assert all(part.hits == 0 and part.solved for part in parts)
    assert steer.precompute(spec, workers=1, shard=(1, 1)).hits == 25


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1/0", "a/b", "1", "1/3/5", (1, 2, 3), (0, 3), 1, "1/-3"])
def test_bad_shards_are_refused(folder, shard):
    with pytest.raises(SteerError, match="shard: expected i/n with 1 <= i <= n"):
        steer.precompute(of_cube(1), shard=shard)


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, "2"])
def test_bad_workers_are_refused(folder, workers):
    with pytest.raises(SteerError, match="workers: expected an integer >= 1"):
        steer.precompute(of_cube(1), workers=workers)


def test_a_cache_that_cannot_be_written_is_refused_before_solving(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with cache.use(tmp_path / "file" / "below"), pytest.raises(CacheError, match="cannot be written"):
        steer.precompute(of_cube(1))
    folder.mkdir()
    with cache.use(folder, readonly=True), pytest.raises(CacheError, match="is used read-only"):
        steer.precompute(of_cube(1))
    assert cache.info().solved == 0


def test_a_failure_leaves_the_others(folder, monkeypatch):
    spec = of_cube(2)
    wrong = spec.descriptors()[1]
    compute = AngularDescriptor.compute

    def failing(self):
        if self == wrong:
            raise ArithmeticError("of the test")
        return compute(self)

    monkeypatch.setattr(AngularDescriptor, "compute", failing)
    report = steer.precompute(spec, workers=1)
    assert (report.solved, report.failed) == (3, {repr(wrong): "ArithmeticError: of the test"})


def test_a_bound_that_is_too_small_is_said(folder):
    with cache.use(folder, max_bytes=3000), pytest.warns(RuntimeWarning, match="exceed the bound of the cache, 3000"):
        steer.precompute(of_cube(3), workers=1)


def test_longest_first_and_one_group_together():
    wanted = [d for n in (1, 3) for d in of_cube(n).descriptors()]
    wanted += KernelSpec(O3.irreps(2), O3.irreps(2), 5).descriptors()
    found = _pool.chunks(wanted, 2)
    assert sorted(map(repr, wanted)) == sorted(repr(d) for chunk in found for d in chunk)
    assert all(len({d.group for d in chunk}) == 1 for chunk in found)
    costs = [sum(d.cost for d in chunk) for chunk in found]
    assert costs == sorted(costs, reverse=True)
    assert len(found) > 4


class Deadly(AngularDescriptor):
    """A descriptor that kills the process that solves it."""

    def compute(self):
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()


def test_a_process_that_is_killed_loses_one_solution(folder):
    irreps = CUBE.irreps()
    wanted = [AngularDescriptor((a,), (irreps[0],), 2) for a in irreps]
    deadly = Deadly((irreps[1],), (irreps[1],), 2)
    with _pool.Pool(2, cache.info()) as pool:
        found = dict(pool.solve([wanted[0], deadly, *wanted[1:]]))
    assert len(found) == 6
    assert found.pop(deadly).error == f"process ended with code {-signal.SIGTERM} (EOFError)"
    assert all(outcome.error is None for outcome in found.values())


def test_processes_that_cannot_start_are_an_error(folder, monkeypatch):
    monkeypatch.setattr(_pool.sys, "executable", shutil.which("false"))
    with pytest.raises(SteerError, match=r"workers: processes cannot solve, process ended with code 1 .*workers=1"):
        steer.precompute(of_cube(5), workers=2)
    monkeypatch.setattr(_pool.sys, "executable", str(folder / "missing"))
    with pytest.raises(SteerError, match=r"workers: .*missing"):
        steer.precompute(of_cube(5), workers=3)


def test_the_bar_shows_what_is_done(folder):
    text = io.StringIO()
    steer.precompute(of_cube(2), workers=1, console=Console(file=text, width=100, force_terminal=True))
    shown = text.getvalue()
    assert "4/4" in shown
    assert "0 in the cache" in shown


def test_files_and_pipes_have_a_line_at_each_tenth(folder):
    for hits in ("0", r"\d+"):
        text = io.StringIO()
        report = steer.precompute(of_cube(2), workers=1, console=Console(file=text, width=100))
        lines = text.getvalue().splitlines()
        assert len(lines) == report.total - 1 <= 9  # few, so that each is a tenth
        for done, line in enumerate(lines, 1):
            assert re.fullmatch(rf"{done} of {report.total} kernel bases, {hits} of them in the cache before", line)


def test_interrupts_keep_what_is_solved(folder, monkeypatch):
    monkeypatch.setattr(_run._Bar, "update", interrupt_at(3))
    with pytest.raises(KeyboardInterrupt) as stopped:
        steer.precompute(of_cube(5), workers=2)
    (report,) = stopped.value.args
    assert report.solved == 3
    good, bad = cache.verify()
    assert good >= 3
    assert not bad
    monkeypatch.undo()
    with cache.use(folder):
        assert steer.precompute(of_cube(5), workers=1).hits == good


def interrupt_at(number):
    calls = []

    def update(self):
        calls.append(None)
        if len(calls) == number:
            raise KeyboardInterrupt

    return update


# Spec files ---------------------------------------------------------------------------------------------------------

SPEC = """
[[kernels]]
groups = ["O", "T", "SO(3)"]
dim = 3
types = ["irreps(1)", "trivial"]
kernel_sizes = [3, [3, 5, 5]]
max_frequency = 1

[[kernels]]
groups = ["D4"]
dim = 2
types = ["regular", "E", "quotient(C4)", "vector"]
kernel_sizes = [3]
basis = "pixel"
"""


def test_a_spec_file_is_a_product(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.replace('"SO(3)"', '"C4"').replace("[3, 5, 5]", "[5, 3, 3]"))
    found = _files.read_specs(path)
    assert len(found) == 7
    assert found[0] == KernelSpec(CUBE.irreps(1), CUBE.irreps(1), (3, 3, 3), max_frequency=1)
    D4 = steer.group("D4", dim=2)
    fields = [D4.regular, D4.irrep("E"), D4.quotient("C4"), D4.vector]
    assert found[-1] == KernelSpec(fields, fields, 3, basis="pixel")
    assert descriptors(path) == list(dict.fromkeys(d for spec in found for d in spec.descriptors()))


def test_the_catalogue_of_the_benchmark(tmp_path):
    found = _files.read_specs(_files.Path(__file__).parents[1] / "benchmarks" / "catalogue.toml")
    assert len({spec.in_type[0].group for spec in found}) == 34
    assert len(found) == 3 * 34


BAD = {
    "empty": ("", "expected one or more tables"),
    "no list": ("kernels = 3", "expected one or more tables"),
    "syntax": ("[[kernels", "spec.toml: "),
    "unknown key": (SPEC.replace("types", "tipes", 1), "kernels 1: did you mean 'types'"),
    "missing": (SPEC.replace("kernel_sizes = [3]", ""), "kernels 2: expected values for kernel_sizes"),
    "a value of another type": (SPEC.replace("dim = 2", "dim = '2'"), "kernels 2: dim: expected a value of type int"),
    "group": (SPEC.replace('"T"', '"Q"'), "kernels 1: name: no group of space is called 'Q'"),
    "no group": (SPEC.replace('"T"', "7"), "kernels 1: groups: expected names of groups"),
    "type": (SPEC.replace('"E"', '"Z"'), "kernels 2: types: expected .* of D4, got 'Z'"),
    "no type": (SPEC.replace('"E"', "7"), "kernels 2: types: expected .* of D4, got 7"),
    "irreps without end": (SPEC.replace("irreps(1)", "irreps"), r"kernels 1: types: .* of SO\(3\), got 'irreps'"),
    "size": (SPEC.replace("[3]", "[0]"), "kernels 2: grid: expected a tuple of integers >= 1"),
    "basis": (SPEC.replace("pixel", "pixels"), "kernels 2: basis: did you mean 'pixel'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_spec_files_name_the_entry(folder, tmp_path, case):
    text, message = BAD[case]
    path = tmp_path / "spec.toml"
    path.write_text(text)
    with pytest.raises(SteerError, match=message):
        steer.precompute(path)
    assert not folder.exists()


def test_spec_files_that_are_none(tmp_path):
    with pytest.raises(SteerError, match="cannot be read"):
        steer.precompute(tmp_path / "missing.toml")
    (tmp_path / "spec.json").write_text("{}")
    with pytest.raises(SteerError, match=r"expected a spec file that ends in \.toml"):
        steer.precompute(str(tmp_path / "spec.json"))


def test_yaml_where_it_is_installed(tmp_path, monkeypatch):
    path = tmp_path / "spec.yaml"
    path.write_text("not read")
    table = {"groups": ["O"], "dim": 3, "types": ["trivial"], "kernel_sizes": [3]}
    reader = type("yaml", (), {"safe_load": staticmethod(lambda text: {"kernels": [table]})})
    monkeypatch.setitem(sys.modules, "yaml", reader)
    assert _files.read_specs(path) == [KernelSpec([CUBE.trivial], [CUBE.trivial], 3)]
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(SteerError, match=r"need PyYAML: pip install 'steer\[yaml\]'"):
        _files.read_specs(path)
