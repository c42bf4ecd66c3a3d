"""Networks as segmenters: what they give, what they refuse, and their files. Weights are random."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from rsqa_core.segmenters.architectures import build_network
from rsqa_core.segmenters.network import (
    MAX_SIDE_PX,
    FeatureReference,
    NetworkSegmenter,
    load_segmenter,
    normalise,
    save_segmenter,
    shipped_segmenters,
)
from rsqa_core.segmenters.specs import segmenter_spec

CLASSES = ("Building", "Land", "Water")
SMALLEST = segmenter_spec("deeplabv3plus-lcnet")
CHANNELS = {
    "unet-mobilenetv2": (160, 16),
    "fpn-mobilenetv3": (576, 64),
    "deeplabv3plus-lcnet": (384, 96),
    "segformer-b0": (256, 96),
    "pspnet-mobilenetv3": (24, 128),
    "unetformer-mobilenetv4": (480, 64),
    "farseg-resnet18": (512, 128),
}
"""Of the tapped encoder and decoder features; farseg-resnet50 differs in size only."""


def untrained(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(segmenter_spec(name), len(CLASSES)).eval()


@pytest.fixture(scope="module", params=list(CHANNELS))
def segmenter(request: pytest.FixtureRequest) -> NetworkSegmenter:
    spec = segmenter_spec(request.param)
    if spec.library == "torchgeo":
        pytest.importorskip("torchgeo.models")  # an extra
    return NetworkSegmenter(spec, untrained(spec.name), CLASSES, "0" * 64, None)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return untrained(SMALLEST.name)


@pytest.fixture(scope="module")
def reference() -> FeatureReference:
    rng = np.random.default_rng(0)
    return FeatureReference(
        rng.normal(size=(3, 96)).astype(np.float32),
        rng.normal(size=96).astype(np.float32),
        np.eye(96, dtype=np.float32),
    )


@pytest.fixture
def saved(tmp_path: Path, network: nn.Module, reference: FeatureReference) -> Path:
    path = tmp_path / "net.safetensors"
    save_segmenter(path, SMALLEST, network, CLASSES, reference)
    return path


def picture(height: int = 64, width: int = 64, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (3, height, width)).astype(np.uint8)


def hooks_of(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in network.modules())


def test_a_mask_is_the_likeliest_class_and_probabilities_sum_to_1(
    segmenter: NetworkSegmenter,
) -> None:
    given = segmenter.predict(picture())

    assert given.mask.shape == (64, 64)
    assert given.mask.dtype == np.uint8
    assert given.probs.shape == (3, 64, 64)
    assert given.probs.dtype == np.float32
    assert np.array_equal(given.mask, given.probs.argmax(axis=0))
    assert given.probs.sum(axis=0) == pytest.approx(np.ones((64, 64)), abs=1e-5)
    assert given.probs.min() >= 0.0


def test_taps_give_encoder_and_decoder_features(segmenter: NetworkSegmenter) -> None:
    given = segmenter.predict(picture())

    assert given.features.keys() == {"encoder", "decoder"}
    channels = (given.features["encoder"].shape[0], given.features["decoder"].shape[0])
    assert channels == CHANNELS[segmenter.name]
    for feature in given.features.values():
        assert feature.dtype == np.float32
        assert np.isfinite(feature).all()
    assert given.features["encoder"].shape[1] <= 64 // 8  # the deepest level, not the picture


def test_a_library_that_nobody_knows_is_refused() -> None:
    with pytest.raises(NotFoundError, match="Known: rsqa, smp, torchgeo"):
        build_network(replace(SMALLEST, library="keras"), 3)


def test_hooks_are_gone_after_a_prediction(segmenter: NetworkSegmenter) -> None:
    segmenter.predict(picture())

    assert hooks_of(segmenter._network) == 0


@pytest.mark.parametrize(("height", "width"), [(37, 70), (1, 1)])
def test_sides_need_not_be_multiples_of_the_stride(
    height: int, width: int, segmenter: NetworkSegmenter
) -> None:
    given = segmenter.predict(picture(height, width))

    assert given.mask.shape == (height, width)
    assert given.probs.shape == (3, height, width)
    assert given.probs.sum(axis=0) == pytest.approx(np.ones((height, width)), abs=1e-5)


def test_the_same_image_gives_the_same_answer_whatever_its_memory_layout(
    network: nn.Module,
) -> None:
    segmenter = NetworkSegmenter(SMALLEST, network, CLASSES, "0" * 64, None)
    rgb = picture(48, 64)
    interleaved = np.ascontiguousarray(rgb.transpose(1, 2, 0)).transpose(2, 0, 1)

    assert np.array_equal(segmenter.predict(rgb).probs, segmenter.predict(interleaved).probs)


def test_a_prediction_is_the_network_on_normalised_bands(network: nn.Module) -> None:
    rgb = picture()
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    bands = [(torch.tensor(rgb[i] / 255) - mean[i]) / std[i] for i in range(3)]
    with torch.inference_mode():
        expected = network(torch.stack(bands)[None].float()).softmax(dim=1)[0].numpy()

    given = NetworkSegmenter(SMALLEST, network, CLASSES, "0" * 64, None).predict(rgb)

    assert given.probs == pytest.approx(expected, abs=1e-5)
    assert normalise(torch.from_numpy(rgb)[None])[0, 1] == pytest.approx(bands[1], abs=1e-5)


@pytest.mark.parametrize(
    ("rgb", "message"),
    [
        (np.zeros((3, 64, 64), dtype=np.float32), r"uint8, but got \(3, 64, 64\) float32"),
        (np.zeros((64, 64, 3), dtype=np.uint8), r"\(3, H, W\) uint8, but got \(64, 64, 3\)"),
        (np.zeros((64, 64), dtype=np.uint8), r"\(64, 64\)"),
        (np.zeros((3, 16, MAX_SIDE_PX + 1), dtype=np.uint8), "smaller --tile"),
    ],
    ids=["type", "order", "one band", "too large"],
)
def test_what_is_no_review_tile_is_refused(
    rgb: NDArray[np.uint8], message: str, network: nn.Module
) -> None:
    segmenter = NetworkSegmenter(SMALLEST, network, CLASSES, "0" * 64, None)

    with pytest.raises(InvalidInputError, match=message):
        segmenter.predict(rgb)


def test_hooks_are_gone_after_a_failure_too(network: nn.Module) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("out of memory")

    segmenter = NetworkSegmenter(SMALLEST, network, CLASSES, "0" * 64, None)
    fault = network.get_submodule("segmentation_head").register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        segmenter.predict(picture())
    fault.remove()

    assert hooks_of(network) == 0


def test_a_file_gives_the_same_segmenter_back(
    saved: Path, network: nn.Module, reference: FeatureReference
) -> None:
    loaded = load_segmenter(saved)

    assert (loaded.name, loaded.classes) == (SMALLEST.name, CLASSES)
    assert loaded.reference is not None
    for name in ("centroids", "pooled_mean", "pooled_precision"):
        assert np.array_equal(getattr(loaded.reference, name), getattr(reference, name))
    rgb = picture()
    before = NetworkSegmenter(SMALLEST, network, CLASSES, "", None).predict(rgb)
    after = loaded.predict(rgb)
    assert after.probs == pytest.approx(before.probs, abs=5e-3)  # weights lost half their digits
    ordered = np.sort(before.probs, axis=0)
    clear = ordered[-1] - ordered[-2] > 1e-2
    assert clear.mean() > 0.2
    assert np.array_equal(after.mask[clear], before.mask[clear])


def test_a_file_lists_the_images_that_its_network_saw(
    tmp_path: Path, saved: Path, network: nn.Module, reference: FeatureReference
) -> None:
    path = tmp_path / "seen.safetensors"
    save_segmenter(path, SMALLEST, network, CLASSES, reference, {"b" * 64, "a" * 64})

    assert load_segmenter(path).trained_on == {"a" * 64, "b" * 64}
    assert load_segmenter(saved).trained_on == frozenset()
    assert load_segmenter(path).fingerprint != load_segmenter(saved).fingerprint


def test_the_fingerprint_is_that_of_the_file(
    tmp_path: Path, saved: Path, reference: FeatureReference
) -> None:
    copy, other = tmp_path / "copy.safetensors", tmp_path / "other.safetensors"
    copy.write_bytes(saved.read_bytes())
    save_segmenter(other, SMALLEST, untrained(SMALLEST.name, seed=1), CLASSES, reference)

    assert load_segmenter(copy).fingerprint == load_segmenter(saved).fingerprint
    assert load_segmenter(other).fingerprint != load_segmenter(saved).fingerprint


def test_weights_are_stored_in_half_precision(saved: Path, network: nn.Module) -> None:
    values = sum(value.numel() for value in network.state_dict().values())

    assert saved.stat().st_size < 2.5 * values


@pytest.mark.parametrize("content", [b"", b"no weights at all", None], ids=["empty", "text", "cut"])
def test_a_damaged_file_is_unreadable(saved: Path, content: bytes | None) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: len(whole) // 2] if content is None else content)

    with pytest.raises(UnreadableFileError, match=r"net\.safetensors.*rsqa train-segmenter"):
        load_segmenter(saved)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"absent\.safetensors"):
        load_segmenter(tmp_path / "absent.safetensors")


def resaved(
    path: Path,
    change: Callable[[dict[str, torch.Tensor]], object],
    *,
    name: str = SMALLEST.name,
    classes: tuple[str, ...] = CLASSES,
) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"rsqa_segmenter": name, "classes": json.dumps(classes)})


WEIGHT = "network.segmentation_head.0.weight"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop(WEIGHT), rf"missing \['{WEIGHT}'\]"),
        (lambda t: t.update({"network.odd": torch.ones(1)}), r"unexpected \['network\.odd'\]"),
        (lambda t: t.pop("reference.centroids"), r"missing \['reference\.centroids'\]"),
        (lambda t: t[WEIGHT].view(-1)[0].fill_(float("nan")), "not finite"),
    ],
    ids=["missing", "left over", "no reference", "NaN"],
)
def test_a_file_that_is_not_whole_is_unreadable(
    saved: Path, change: Callable[[dict[str, torch.Tensor]], object], message: str
) -> None:
    resaved(saved, change)

    with pytest.raises(UnreadableFileError, match=message):
        load_segmenter(saved)


def test_a_file_of_another_number_of_classes_is_unreadable(saved: Path) -> None:
    resaved(saved, lambda tensors: None, classes=("Building", "Land"))

    with pytest.raises(UnreadableFileError, match=r"2 classes.*another shape.*segmentation_head"):
        load_segmenter(saved)


def test_a_file_of_an_unknown_network_is_unreadable(saved: Path) -> None:
    resaved(saved, lambda tensors: None, name="vgg")

    with pytest.raises(UnreadableFileError, match=r"no known segmenter, but 'vgg'"):
        load_segmenter(saved)


def test_a_folder_gives_its_segmenters_by_name(
    tmp_path: Path, network: nn.Module, reference: FeatureReference
) -> None:
    for name in ("b", "a"):
        save_segmenter(
            tmp_path / f"{name}.safetensors", SMALLEST, network, (name, *CLASSES[:2]), reference
        )
    (tmp_path / "a.md").write_text("# card")

    assert [s.classes[0] for s in shipped_segmenters(tmp_path)] == ["a", "b"]
    assert shipped_segmenters(tmp_path / "nowhere") == []


def test_an_unknown_name_is_refused_with_the_closest() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'segformer-b0'"):
        segmenter_spec("segformer-b1")
