"""From a checkpoint file in its authors' layout to an encoder, for every network."""

from __future__ import annotations

import re
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from rsqa_core.encoders.networks import satvision, skysense
from rsqa_core.encoders.networks.adapter import NetworkConfig, NetworkEncoder
from rsqa_core.encoders.networks.catalogue import (
    NETWORKS,
    ImageNetwork,
    image_network,
    network_of,
    read_network_state,
)
from rsqa_core.encoders.networks.croma import CromaConfig
from rsqa_core.encoders.networks.rsmamba import RSMambaConfig
from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from tests.rsqa_core.encoders.networks.layouts import (
    croma_checkpoint,
    rsmamba_checkpoint,
    satvision_checkpoint,
    skysense_checkpoint,
)

TINY: dict[str, tuple[NetworkConfig, Callable[[], dict[str, Any]], int]] = {
    "croma-base-optical": (CromaConfig(size_px=16), croma_checkpoint, 16),
    "croma-base-joint": (CromaConfig("joint", size_px=16), croma_checkpoint, 16),
    "rsmamba-aid": (RSMambaConfig(size_px=32, stride_px=4), rsmamba_checkpoint, 8),
    "satvision-toa": (
        replace(satvision.SATVISION, size_px=32, window=4),
        satvision_checkpoint,
        64,
    ),
    "skysense-hr": (
        replace(skysense.SKYSENSE_HR, size_px=64, window=2),
        skysense_checkpoint,
        64,
    ),
    "skysense-s2": (skysense.SkySenseS2Config(size_px=8, heads=2), skysense_checkpoint, 8),
}


def tiny(name: str) -> ImageNetwork:
    network = image_network(name)
    config = TINY[name][0]
    preprocessing = replace(network.preprocessing, size_px=config.size_px)
    return replace(network, config=config, preprocessing=preprocessing)


def saved(
    name: str, folder: Path, change: Callable[[dict[str, Any]], object] | None = None
) -> Path:
    checkpoint = TINY[name][1]()
    if change:
        change(checkpoint)
    path = folder / "theirs.pt"
    torch.save(checkpoint, path)
    return path


def picture(bands: int, side: int = 40) -> NDArray[np.float32]:
    return np.random.default_rng(bands).uniform(1, 255, (bands, side, side)).astype(np.float32)


def load_network(network: ImageNetwork, path: Path) -> NetworkEncoder:
    """What the registry's loader does with a checkpoint of the authors."""
    return network_of(network, read_network_state(network, path), path)


@pytest.mark.parametrize("name", TINY)
def test_a_checkpoint_of_the_authors_becomes_an_encoder(name: str, tmp_path: Path) -> None:
    encoder = load_network(tiny(name), saved(name, tmp_path))
    given = picture(len(encoder.bands))

    seen, again = encoder.encode_images([given]), encoder.encode_images([given, given])

    assert encoder.name == name
    assert encoder.dim == TINY[name][2]
    assert seen[0].pooled.shape == (encoder.dim,)
    assert np.linalg.norm(seen[0].pooled) == pytest.approx(1, abs=1e-5)
    tokens = seen[0].tokens
    assert tokens is not None
    assert tokens.shape[2] == encoder.dim
    assert np.linalg.norm(tokens, axis=-1) == pytest.approx(np.ones(tokens.shape[:2]), abs=1e-5)
    for other in again:
        assert other.pooled == pytest.approx(seen[0].pooled, abs=1e-5)
    assert np.array_equal(encoder.encode_images([given])[0].pooled, seen[0].pooled)


@pytest.mark.parametrize("name", TINY)
def test_every_dropped_key_is_listed_and_every_listed_key_is_dropped(name: str) -> None:
    network = tiny(name)
    checkpoint = TINY[name][1]()
    weights = next(
        (checkpoint[k] for k in ("state_dict", "module", "model") if k in checkpoint), {}
    )
    flat = weights or {f"{p}.{k}": v for p, part in checkpoint.items() for k, v in part.items()}
    listed = [k for k in flat if any(re.fullmatch(rule, k) for rule in network.dropped)]

    assert len(network.remap(checkpoint)) == len(flat) - len(listed)
    for rule in network.dropped:
        if not (name.startswith("rsmamba") and rule != r"head\..*"):  # no neck in this checkpoint
            assert any(re.fullmatch(rule, key) for key in flat), rule


def test_the_fingerprint_is_that_of_weights_architecture_and_preprocessing(tmp_path: Path) -> None:
    network = tiny("rsmamba-aid")
    path = saved("rsmamba-aid", tmp_path)
    encoder = load_network(network, path)

    def nudge(checkpoint: dict[str, Any]) -> None:
        checkpoint["state_dict"]["backbone.ln2.bias"][0] += 1e-3

    assert load_network(network, path).fingerprint == encoder.fingerprint
    other = replace(network, preprocessing=replace(network.preprocessing, offset=(1.0, 2.0, 3.0)))
    assert load_network(other, path).fingerprint != encoder.fingerprint
    shuffled = replace(network, config=RSMambaConfig(size_px=32, stride_px=4, shuffle_seed=7))
    assert load_network(shuffled, path).fingerprint != encoder.fingerprint
    changed = saved("rsmamba-aid", tmp_path, nudge)
    assert load_network(network, changed).fingerprint != encoder.fingerprint


def test_bands_are_picked_by_name(tmp_path: Path) -> None:
    encoder = load_network(tiny("rsmamba-aid"), saved("rsmamba-aid", tmp_path))
    given = picture(4)

    (by_name,) = encoder.encode_images([given], ("blue", "green", "red", "nir"))

    assert np.array_equal(by_name.pooled, encoder.encode_images([given[[2, 1, 0]]])[0].pooled)
    with pytest.raises(InvalidInputError, match="has 4 bands, but the encoder takes 3: red, green"):
        encoder.encode_images([given])
    with pytest.raises(InvalidInputError, match="no band red, blue"):
        encoder.encode_images([given], ("B1", "green", "B9", "nir"))
    assert encoder.encode_images([]) == []


def test_there_is_no_text_tower(tmp_path: Path) -> None:
    encoder = load_network(tiny("rsmamba-aid"), saved("rsmamba-aid", tmp_path))

    assert not encoder.has_text
    with pytest.raises(InvalidInputError, match="rsmamba-aid has no text tower"):
        encoder.encode_texts(["water"])


def test_preprocessing_for_another_network_is_refused(tmp_path: Path) -> None:
    network = tiny("rsmamba-aid")
    wrong = replace(network, preprocessing=replace(network.preprocessing, size_px=64))

    with pytest.raises(InvalidInputError, match=r"3 bands of 32 px, but .* 3 of 64 px"):
        load_network(wrong, saved("rsmamba-aid", tmp_path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("backbone.ln2.bias"), r"missing \['ln2\.bias'\]"),
        (lambda w: w.pop("backbone.pos_embed"), r"lacks 'pos_embed'"),
        (lambda w: w.update({"backbone.layers.1.D": torch.ones(3)}), r"shape \['layers\.1\.D'\]"),
        (lambda w: w.update({"odd": torch.ones(1)}), r"1 of \d+ keys are unknown.*'odd'"),
        (lambda w: w.update({"backbone.ln2.bias": None}), r"'backbone\.ln2\.bias'"),
        (lambda w: w["backbone.ln2.bias"].fill_(float("nan")), r"not finite, in 'ln2\.bias'"),
    ],
    ids=["missing", "size missing", "shape", "foreign", "no tensor", "NaN"],
)
def test_a_file_that_does_not_fit_is_refused_by_name(
    change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    path = saved("rsmamba-aid", tmp_path, lambda checkpoint: change(checkpoint["state_dict"]))

    with pytest.raises(UnreadableFileError, match=message):
        load_network(tiny("rsmamba-aid"), path)


def test_bfloat16_weights_are_read_as_float32(tmp_path: Path) -> None:
    def shorten(checkpoint: dict[str, Any]) -> None:
        checkpoint["module"] = {k: v.bfloat16() for k, v in checkpoint["module"].items()}

    path = saved("satvision-toa", tmp_path, shorten)

    encoder = load_network(tiny("satvision-toa"), path)

    assert encoder.encode_images([picture(14)])[0].pooled.dtype == np.float32


def test_weights_saved_as_safetensors_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    save_file(rsmamba_checkpoint()["state_dict"], path)
    network = tiny("rsmamba-aid")

    pickled = load_network(network, saved("rsmamba-aid", tmp_path))

    assert load_network(network, path).fingerprint == pickled.fingerprint


@pytest.fixture
def training_framework(monkeypatch: pytest.MonkeyPatch) -> type:
    """A stand-in for the framework's record of a training, which pickles by name."""
    module = types.ModuleType("mmengine.logging.history_buffer")

    class HistoryBuffer:
        def __init__(self) -> None:
            self.losses = np.ones(3)
            self.methods = {"mean": HistoryBuffer.mean}

        @classmethod
        def mean(cls) -> float:
            raise AssertionError("code of the checkpoint ran")

    HistoryBuffer.__module__ = module.__name__
    HistoryBuffer.__qualname__ = "HistoryBuffer"
    module.HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return HistoryBuffer


def test_a_record_of_the_training_in_the_file_is_passed_over(
    training_framework: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep_record(checkpoint: dict[str, Any]) -> None:
        checkpoint["message_hub"] = {"loss": training_framework(), "lr": np.float64(0.1)}

    plain = load_network(tiny("rsmamba-aid"), saved("rsmamba-aid", tmp_path))
    path = saved("rsmamba-aid", tmp_path, keep_record)
    monkeypatch.delitem(sys.modules, "mmengine.logging.history_buffer")

    encoder = load_network(tiny("rsmamba-aid"), path)

    assert encoder.fingerprint == plain.fingerprint
    with pytest.raises(UnreadableFileError, match=r"names mmengine\S+HistoryBuffer"):
        load_network(replace(tiny("rsmamba-aid"), stand_ins=()), path)


def test_missing_and_damaged_files_and_lists_are_refused(tmp_path: Path) -> None:
    network = tiny("rsmamba-aid")
    damaged, listed = tmp_path / "damaged.pt", tmp_path / "list.pt"
    damaged.write_bytes(b"not weights")
    torch.save([1, 2], listed)

    for path in (tmp_path / "absent.pt", damaged):
        with pytest.raises(UnreadableFileError, match=path.name):
            load_network(network, path)
    with pytest.raises(UnreadableFileError, match="to hold a dictionary of weights, but got list"):
        load_network(network, listed)


def test_networks_are_known_by_name() -> None:
    assert len(NETWORKS) == 12
    for network in NETWORKS.values():
        assert network.config.bands == len(network.preprocessing.bands)
        assert network.config.size_px == network.preprocessing.size_px
    with pytest.raises(NotFoundError, match="Did you mean 'skysense-hr'"):
        image_network("skysens-hr")


def test_an_encoder_needs_no_more_than_a_network_and_its_description() -> None:
    network = tiny("skysense-s2")

    encoder = NetworkEncoder(
        "mine",
        network.build(skysense.SkySenseS2Config(10, 8, 4, 8, 1, 2, 16)),
        skysense.SkySenseS2Config(10, 8, 4, 8, 1, 2, 16),
        network.preprocessing,
    )

    assert len(encoder.encode_images([picture(10)] * 9)) == 9  # more than a batch
