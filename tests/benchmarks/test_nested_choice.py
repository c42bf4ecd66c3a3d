"""Nothing of a scene reaches the head that predicts it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from benchmarks.nested_choice import trained
from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.heads import gating
from rsqa_core.training.head import HeadData, HeadTraining

SCENES = ("east", "north", "south")
QUICK = HeadTraining(epochs=2, seeds=1, width=8)
ENCODER = ("tiny", "abc")


def drawn() -> HeadData:
    rng = np.random.default_rng(0)
    images, each = 18, 3
    return HeadData(
        semantic=rng.normal(size=(images, 16)).astype(np.float32),
        embedding_dim=12,
        sources=tuple(f"image {i}" for i in range(images)),
        fold_names=tuple(SCENES[i % 3] for i in range(images)),
        rows=rng.random((images * each, len(FEATURE_NAMES))).astype(np.float32),
        image_of_row=np.repeat(np.arange(images), each),
        targets=rng.random(images * each).astype(np.float32),
        weights=np.ones(images * each, dtype=np.float32),
    )


def test_labels_of_the_predicted_and_of_left_out_scenes_change_nothing() -> None:
    torch.set_num_threads(1)
    data = drawn()
    scene = np.array(data.fold_names)[data.image_of_row]
    others = data.targets.copy()
    others[scene == "east"] = 1 - others[scene == "east"]
    others[scene == "south"] = 1 - others[scene == "south"]

    first = trained(data, ENCODER, "none", QUICK, "east", ["north"])
    second = trained(replace(data, targets=others), ENCODER, "none", QUICK, "east", ["north"])

    assert first.shape == (18,)
    assert np.array_equal(first, second)


def test_labels_of_the_learnt_scenes_matter_and_the_prior_is_put_back() -> None:
    torch.set_num_threads(1)
    data, shipped = drawn(), dict(gating.PRIOR)
    others = data.targets.copy()
    others[np.array(data.fold_names)[data.image_of_row] == "north"] = 0.1

    first = trained(data, ENCODER, "none", QUICK, "east", ["north", "south"])
    second = trained(
        replace(data, targets=others), ENCODER, "none", QUICK, "east", ["north", "south"]
    )

    assert not np.allclose(first, second)
    assert shipped == gating.PRIOR
