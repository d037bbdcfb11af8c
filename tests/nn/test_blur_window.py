"""Windows of BlurPool: what aliases is the least that taps allow, and the symmetries of the grid stay."""

import numpy as np
import pytest
import torch
from scipy.signal.windows import dpss

import steer
from steer import nn
from steer.errors import KernelError
from steer.testing import equivariance_error

D4, CUBE = steer.group("D4", dim=2), steer.group("O", dim=3)
VECTORS = nn.FieldType(D4, [D4.vector, D4.trivial])
VOLUMES = nn.FieldType(CUBE, [CUBE.trivial])


@pytest.mark.parametrize(("edge", "stride"), [(3, 2), (4, 2), (5, 2), (7, 2), (7, 3)])
def test_slepian_taps_are_the_discrete_prolate_sequences(edge, stride):
    pool = nn.BlurPool(VECTORS, edge, stride, window="slepian")
    taps = dpss(edge, edge / stride / 2)
    taps /= taps.sum()
    np.testing.assert_allclose(pool.filter[0, 0].numpy(), np.outer(taps, taps), rtol=0, atol=1e-7)


def aliased(pool):
    """The response above the Nyquist frequency of the outputs relative to the rest, of white noise."""
    taps = pool.filter[0, 0].double().numpy().sum(0)
    power = np.abs(np.fft.rfft(taps, 4096)) ** 2
    cut = len(power) // pool.stride[0]
    return np.sqrt(power[cut:].sum() / power[:cut].sum())


def test_a_slepian_window_aliases_least():
    for edge in (3, 5, 7):
        best = aliased(nn.BlurPool(VECTORS, edge, window="slepian"))
        assert all(best < aliased(nn.BlurPool(VECTORS, edge, sigma=sigma)) for sigma in np.arange(0.5, 3, 0.1))
    assert aliased(nn.BlurPool(VECTORS, 5, window="slepian")) < 0.3 * aliased(nn.BlurPool(VECTORS))


def test_slepian_windows_keep_constants_and_the_symmetries_of_the_grid():
    for size, padding in ((8, "same"), (9, "same"), (9, None)):
        pool = nn.BlurPool(VECTORS, padding=padding, window="slepian")
        assert equivariance_error(pool, shape=(1, size, size), dtype=torch.float64).max() < 1e-12
        x = torch.randn(2, 3, size, size)
        torch.testing.assert_close(steer.export(pool)(x), pool(x))
        assert pool(torch.ones(1, 3, 9, 9))[..., 2, 2].allclose(torch.ones(3))
    cubes = nn.BlurPool(VOLUMES, padding="same", window="slepian")
    assert equivariance_error(cubes, shape=(1, 6, 6, 6), dtype=torch.float64).max() < 1e-12


def test_an_axis_of_stride_1_is_not_blurred():
    D4h = steer.group("D4h", dim=3)
    pool = nn.BlurPool(nn.FieldType(D4h, [D4h.trivial]), 5, (1, 2, 2), padding=2, window="slepian")
    profile = pool.filter[0, 0].sum((1, 2))
    torch.testing.assert_close(profile, torch.tensor([0.0, 0, 1, 0, 0]))


def test_windows_print_and_others_are_refused():
    assert "window='slepian'" in str(nn.BlurPool(VECTORS, window="slepian"))
    assert nn.BlurPool(VECTORS, window="slepian").kernel_size == (5, 5)
    with pytest.raises(KernelError, match="window: expected"):
        nn.BlurPool(VECTORS, window="box")
    with pytest.raises(KernelError, match="sigma: it is that of a Gaussian"):
        nn.BlurPool(VECTORS, sigma=1.0, window="slepian")
