"""Checkpoints of earlier versions load, name the same bases, and give the same outputs."""

import pytest
import safetensors.torch
import torch

from steer.nn._linear._steerable import Steerable

from .networks import FOLDER, version_0_1, write

FILES = {"version_0_1.safetensors": version_0_1}


@pytest.mark.parametrize("file", FILES)
def test_golden_checkpoints_load_and_give_what_they_gave(file):
    saved = safetensors.torch.load_file(FOLDER / file)
    seen = set()
    for name, (network, x) in FILES[file]():
        prefix = f"{name}/state/"
        state = {key.removeprefix(prefix): value for key, value in saved.items() if key.startswith(prefix)}
        assert set(network.state_dict()) == set(state), name
        layers = {key: layer for key, layer in network.named_modules() if isinstance(layer, Steerable)}
        assert layers, name
        for key, layer in layers.items():
            assert bytes(state[f"{key}.fingerprint"].tolist()).hex() == layer.plan.fingerprint, f"{name}: {key}"
        network.load_state_dict(state)
        with torch.no_grad():
            found = network.eval()(x)
        torch.testing.assert_close(
            found, saved[f"{name}/output"], rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
        assert found.abs().max() > 1e-2, f"{name}: an output that is zero would show nothing"
        seen |= {key for key in saved if key.startswith(f"{name}/")}
    assert seen == set(saved)


def test_a_golden_file_is_not_written_again():
    for file in FILES:
        with pytest.raises(FileExistsError, match="is golden"):
            write(FOLDER / file)
