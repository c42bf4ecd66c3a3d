"""Training a segmenter: the loss, resuming, and what it leaves; networks are tiny and untrained."""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rsqa_core.errors import CancelledError, InvalidInputError
from rsqa_core.metrics import confusion_matrix, iou_per_class
from rsqa_core.records import VOID
from rsqa_core.segmenters.architectures import build_network
from rsqa_core.segmenters.network import FeatureTaps, normalise
from rsqa_core.segmenters.specs import segmenter_spec
from rsqa_core.training import checkpoint as checkpoint_module
from rsqa_core.training import segmenter as training
from rsqa_core.training.crops import LabelledScene
from rsqa_core.training.segmenter import (
    SegmenterTraining,
    describe_features,
    evaluate_segmenter,
    segmentation_loss,
    train_segmenter,
)
from tests.rsqa_core.standins import BandSegmenter

SPEC = segmenter_spec("deeplabv3plus-lcnet")
TINY = SegmenterTraining(steps=4, batch=2, side_px=64)
COLOURS = np.array([[230, 40, 40], [40, 200, 60], [30, 60, 220]], dtype=np.uint8)


def scene(source: str = "real", seed: int = 0) -> LabelledScene:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 3, size=(4, 4)).astype(np.uint8)
    mask = np.kron(coarse, np.ones((16, 16), dtype=np.uint8))
    return LabelledScene(np.ascontiguousarray(COLOURS[mask].transpose(2, 0, 1)), mask, source)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Describe features on few crops and save at every second step."""
    monkeypatch.setattr(
        training, "describe_features", functools.partial(describe_features, crops=4)
    )
    monkeypatch.setattr(checkpoint_module, "EVERY_STEPS", 2)


def plain_loss(
    logits: NDArray[np.float64], target: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    """Cross-entropy with smoothing 0.02 and class weights, plus half the soft Dice, in loops."""
    count, classes, height, width = logits.shape
    entropy = norm = 0.0
    overlap, total, truth = np.zeros(classes), np.zeros(classes), np.zeros(classes)
    for n in range(count):
        for y in range(height):
            for x in range(width):
                k = int(target[n, y, x])
                if k == VOID:
                    continue
                values = logits[n, :, y, x]
                logs = values - math.log(sum(math.exp(v) for v in values))
                entropy -= 0.98 * weights[k] * logs[k]
                entropy -= 0.02 / classes * float((weights * logs).sum())
                norm += weights[k]
                overlap[k] += math.exp(logs[k])
                total += np.exp(logs)
                total[k] += 1
                truth[k] += 1
    dice = 1 - (2 * overlap + 1) / (total + 1)
    return entropy / norm + 0.5 * float(dice[truth > 0].mean())


def test_the_loss_equals_plain_loops() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 4, 3, 5))
    target = rng.integers(0, 3, size=(2, 3, 5))  # class 3 is absent
    target[0, 0, :3] = VOID
    weights = np.array([0.5, 1.0, 1.5, 2.0])

    loss = segmentation_loss(
        torch.from_numpy(logits), torch.from_numpy(target), torch.from_numpy(weights)
    )

    assert float(loss) == pytest.approx(plain_loss(logits, target, weights), rel=1e-6)


def test_unlabelled_pixels_have_no_say_in_the_loss() -> None:
    torch.manual_seed(0)
    target = torch.randint(0, 3, (1, 6, 6))
    target[0, :3] = VOID
    logits = torch.randn(1, 3, 6, 6, requires_grad=True)

    segmentation_loss(logits, target, torch.ones(3)).backward()  # type: ignore[no-untyped-call]

    assert logits.grad is not None
    assert torch.equal(logits.grad[:, :, :3], torch.zeros(1, 3, 3, 6))
    assert (logits.grad[:, :, 3:] != 0).all()


def test_a_better_answer_has_a_lower_loss() -> None:
    target = torch.randint(0, 3, (2, 8, 8), generator=torch.Generator().manual_seed(0))
    right = torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2).float()
    losses = [float(segmentation_loss(k * right, target, torch.ones(3))) for k in (-4, 0, 4)]

    assert losses[0] > losses[1] > losses[2] > 0


@pytest.mark.usefixtures("quick")
def test_training_gives_a_network_and_the_look_of_its_features(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []

    network, reference = train_segmenter(
        SPEC,
        [scene(), scene("generated", 1)],
        3,
        TINY,
        checkpoint=tmp_path / "run.pt",
        progress=lambda step, done, total: steps.append((done, total)),
    )

    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert not network.training
    assert list(tmp_path.iterdir()) == []
    channels = reference.centroids.shape[1]
    assert reference.centroids.shape == (3, channels)
    assert reference.pooled_mean.shape == (channels,)
    assert reference.pooled_precision.shape == (channels, channels)
    assert np.linalg.norm(reference.centroids, axis=1) == pytest.approx(np.ones(3), abs=1e-4)
    assert np.linalg.eigvalsh(reference.pooled_precision.astype(np.float64)).min() > 0
    start = build_network(SPEC, 3).state_dict()["encoder.model.conv_stem.weight"]
    assert not torch.equal(network.state_dict()["encoder.model.conv_stem.weight"], start)


@pytest.mark.usefixtures("quick")
def test_a_stopped_training_goes_on_where_it_was(tmp_path: Path) -> None:
    path, steps = tmp_path / "run.pt", []

    def stopping(step: str, done: int, total: int) -> None:
        steps.append(done)
        if done == 3:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        train_segmenter(SPEC, [scene()], 3, TINY, checkpoint=path, progress=stopping)
    saved = torch.load(path, weights_only=True)
    assert saved["step"] == 2
    assert steps == [1, 2, 3]

    steps.clear()
    with pytest.raises(CancelledError):
        train_segmenter(SPEC, [scene()], 3, TINY, checkpoint=path, progress=stopping)
    assert steps == [3]  # step 3 again, not from the start

    train_segmenter(
        SPEC,
        [scene()],
        3,
        TINY,
        checkpoint=path,
        progress=lambda step, done, total: steps.append(done),
    )
    assert steps == [3, 3, 4]
    assert not path.exists()


@pytest.mark.usefixtures("quick")
def test_other_options_start_anew(tmp_path: Path) -> None:
    path, steps = tmp_path / "run.pt", []

    def stopping(step: str, done: int, total: int) -> None:
        steps.append(done)
        if done == 3:
            raise CancelledError("stop")

    for options in (TINY, replace(TINY, learning_rate=1e-3)):
        with pytest.raises(CancelledError):
            train_segmenter(SPEC, [scene()], 3, options, checkpoint=path, progress=stopping)
    assert steps == [1, 2, 3, 1, 2, 3]


@pytest.mark.usefixtures("quick")
def test_one_seed_gives_one_network() -> None:
    short = replace(TINY, steps=2)
    first, second, other = (
        train_segmenter(SPEC, [scene()], 3, replace(short, seed=seed))[0].state_dict()
        for seed in (0, 0, 1)
    )

    key = "segmentation_head.0.weight"
    assert torch.equal(first[key], second[key])
    assert not torch.equal(first[key], other[key])


def test_the_reference_is_the_mean_feature_of_each_class() -> None:
    torch.manual_seed(0)
    network = build_network(SPEC, 3).eval()
    plain = np.full((64, 64), 1, dtype=np.uint8)
    only = LabelledScene(np.full((3, 64, 64), 128, dtype=np.uint8), plain, "real")
    same = replace(TINY, real_share=1.0)

    reference = describe_features(network, SPEC, [only], 3, same, crops=4)

    assert np.array_equal(reference.centroids[[0, 2]], np.zeros_like(reference.centroids[[0, 2]]))
    assert np.linalg.norm(reference.centroids[1]) == pytest.approx(1.0, abs=1e-4)
    with torch.inference_mode(), FeatureTaps(network, SPEC.taps) as taps:
        network(normalise(torch.full((1, 3, 64, 64), 128, dtype=torch.uint8)))
        feature = taps.outputs["decoder"].mean(dim=(0, 2, 3)).numpy()
    assert reference.pooled_mean.shape == feature.shape
    cosine = reference.pooled_mean @ feature / np.linalg.norm(reference.pooled_mean)
    assert cosine / np.linalg.norm(feature) > 0.8  # crops differ in light only


def test_too_few_crops_to_describe_features_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at least 2 `crops`, but got 1"):
        describe_features(build_network(SPEC, 3).eval(), SPEC, [scene()], 3, TINY, crops=1)


def test_figures_are_pooled_over_tiles_of_all_scenes() -> None:
    segmenter = BandSegmenter("bands")
    scenes = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        rgb = rng.integers(0, 256, size=(3, 40, 56)).astype(np.uint8)
        mask = rng.integers(0, 5, size=(40, 56)).astype(np.uint8)
        mask[:4] = VOID
        scenes.append(LabelledScene(rgb, mask, "real"))
    counts = sum(
        confusion_matrix(segmenter.predict(s.rgb).mask, s.reference_mask, 5) for s in scenes
    )

    figures = evaluate_segmenter(segmenter, scenes, tile_px=32)

    ious = iou_per_class(np.asarray(counts))
    assert figures["overall_accuracy"] == pytest.approx(
        np.trace(np.asarray(counts)[:, :5]) / np.asarray(counts).sum()
    )
    assert figures["mean_iou"] == pytest.approx(np.nanmean(ious))
    assert figures["iou_Water"] == pytest.approx(ious[4])
    assert segmenter.calls == 2 + 2 * 4  # whole scenes here, four tiles each there
