"""Contrastive training: what it learns, repeats, resumes, skips and refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rsqa_core.encoders.openclip import COMPACT
from rsqa_core.errors import CancelledError, InvalidInputError, UnreadableFileError
from rsqa_core.records import VOID
from rsqa_core.training import checkpoint as checkpoint_module
from rsqa_core.training.contrastive import (
    ContrastiveTraining,
    contrastive_loss,
    majority_classes,
    train_contrastive,
)
from rsqa_core.training.crops import LabelledScene
from rsqa_core.training.pairs import pick
from rsqa_core.training.pairs.scene_crops import SceneCropOptions, SceneCropPairs
from rsqa_core.training.towers import start_towers
from tests.rsqa_core.training.tiny import COLOURS, SIDE_PX, ColourPairs, tiny_towers

TINY = ContrastiveTraining(
    steps=6, batch=6, side_px=SIDE_PX, learning_rate=3e-3, region_weight=0.0, colour=0.0
)


def agreement(towers: Any, source: ColourPairs) -> float:
    """Return the share of images whose nearest colour name is their own."""
    names = list(COLOURS)
    images = [source.picture(i)[0] for i in range(len(source.entries))]
    texts = towers.embed_texts([f"a {name} field" for name in names], "cpu")
    nearest = (towers.embed_images(images, SIDE_PX, "cpu") @ texts.T).argmax(axis=1)
    return float(np.mean([names[k] == true for k, true in zip(nearest, source.true, strict=True)]))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_brings_images_and_their_captions_together(precision: str) -> None:
    source = ColourPairs(24)
    towers = tiny_towers()
    before = agreement(towers, source)

    train_contrastive(
        towers,
        pick([source], trusted=True),
        (),
        replace(TINY, steps=60, batch=12, precision=precision, learning_rate=1e-2),
    )

    assert before < 0.6
    assert agreement(towers, source) > 0.9


def test_the_loss_by_hand_counts_equal_captions_as_each_others() -> None:
    unit = torch.eye(2)
    images, tokens = unit[[0, 0, 1]], torch.tensor([[1], [1], [2]])
    scale = torch.tensor(2.0)

    loss = contrastive_loss(images, images, tokens, scale)

    pair = -(2.0 - np.log(2 * np.exp(2.0) + 1))  # a row of logits 2, 2, 0, whose truth is ½, ½, 0
    single = -(2.0 - np.log(np.exp(2.0) + 2))
    assert float(loss) == pytest.approx((2 * pair + single) / 3, abs=1e-6)


def test_one_seed_gives_one_result_and_another_seed_another() -> None:
    found = []
    for seed in (0, 0, 1):
        towers = tiny_towers()
        pairs = pick([ColourPairs(12)], trusted=True)
        train_contrastive(towers, pairs, (), replace(TINY, seed=seed, colour=1.0))
        found.append(towers.model.state_dict()["text_projection"])

    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_a_stopped_training_ends_as_one_that_was_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_module, "EVERY_STEPS", 2)
    pairs = pick([ColourPairs(12)], trusted=True)
    whole = tiny_towers()
    train_contrastive(whole, pairs, (), TINY)
    steps: list[int] = []

    def stopping(step: str, done: int, total: int) -> None:
        if done == 5:
            raise CancelledError("stop")

    path = tmp_path / "run.pt"
    with pytest.raises(CancelledError):
        train_contrastive(tiny_towers(), pairs, (), TINY, checkpoint=path, progress=stopping)
    again = tiny_towers(seed=9)
    train_contrastive(
        again,
        pairs,
        (),
        TINY,
        checkpoint=path,
        progress=lambda step, done, total: steps.append(done),
    )

    assert steps == [5, 6]
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key]), key


def test_a_finished_training_is_not_repeated_but_other_pairs_start_anew(tmp_path: Path) -> None:
    path, steps = tmp_path / "run.pt", []

    def noting(step: str, done: int, total: int) -> None:
        steps.append(done)

    short = replace(TINY, steps=2)
    for count in (12, 12, 11):
        steps.append(-count)
        train_contrastive(
            tiny_towers(),
            pick([ColourPairs(count)], trusted=True),
            (),
            short,
            checkpoint=path,
            progress=noting,
        )

    assert steps == [-12, 1, 2, -12, -11, 1, 2]


def test_an_image_that_cannot_be_decoded_is_named_and_replaced() -> None:
    source = ColourPairs(8, broken=[3])

    left_out = train_contrastive(
        tiny_towers(), pick([source], trusted=True), (), replace(TINY, steps=3)
    )

    assert {each.name for each in left_out} == {"colour 3"}
    assert "cannot be decoded" in left_out[0].reason


def test_only_broken_images_end_the_training() -> None:
    source = ColourPairs(3, broken=[0, 1, 2])

    with pytest.raises(UnreadableFileError, match="20 images in a row"):
        train_contrastive(tiny_towers(), pick([source], trusted=True), (), TINY)


def test_every_pair_is_read_once_before_any_comes_again() -> None:
    source = ColourPairs(12)

    train_contrastive(tiny_towers(), pick([source], trusted=True), (), replace(TINY, steps=2))

    assert sorted(source.reads) == list(range(12))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"precision": "float16"}, "float16 on a GPU only"),
        ({"precision": "double"}, "'double'"),
        ({"steps": 0}, "at least 1 step"),
        ({"batch": 1}, "a batch of 2 or more"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], text: str) -> None:
    pairs = pick([ColourPairs(4)], trusted=True)

    with pytest.raises(InvalidInputError, match=text):
        train_contrastive(tiny_towers(), pairs, (), replace(TINY, **options))


def test_no_pairs_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="no pairs to train on"):
        train_contrastive(tiny_towers(), [], (), TINY)


def test_the_region_term_teaches_tokens_the_class_below_them() -> None:
    """The same caption everywhere says nothing, so what tokens know they have from the masks."""
    source = ColourPairs(12, masks=range(12))
    source.entries = tuple(replace(entry, caption="a field") for entry in source.entries)
    towers = tiny_towers()
    names = list(COLOURS)
    options = replace(TINY, steps=60, learning_rate=1e-2, region_weight=1.0)

    train_contrastive(towers, pick([source], trusted=True), names, options)

    from rsqa_core.encoders.captions import class_prompts
    from rsqa_core.encoders.grids import grid_and_pooled

    images = towers.images([source.picture(i)[0] for i in range(6)], SIDE_PX, "cpu")
    with torch.inference_mode():
        grid, _ = grid_and_pooled(towers.model, images)
    texts = np.stack([towers.embed_texts(class_prompts(n), "cpu").mean(axis=0) for n in names])
    assert grid is not None
    guess = (grid.numpy() @ texts.T).argmax(axis=-1)
    assert float(np.mean(guess == np.arange(6)[:, None, None])) > 0.8


def test_the_compact_model_trains_both_towers_on_crops_of_scenes() -> None:
    rng = np.random.default_rng(0)
    mask = np.kron(rng.integers(0, 3, size=(4, 4)), np.ones((16, 16))).astype(np.uint8)
    rgb = np.stack([mask * 80, 255 - mask * 60, mask * 20]).astype(np.uint8)
    scenes = [LabelledScene(rgb, mask, "real"), LabelledScene(rgb[::-1], mask, "generated")]
    classes = ("Building", "Land", "Water")
    source = SceneCropPairs(scenes, classes, SceneCropOptions(count=20, side_px=SIDE_PX))
    towers, start = start_towers("random"), start_towers("random").model.state_dict()

    train_contrastive(
        towers,
        pick([source], trusted=True),
        classes,
        ContrastiveTraining(steps=2, batch=4, side_px=SIDE_PX),
    )

    trained = towers.model.state_dict()
    for key in ("visual.trunk.stem.conv.weight", "token_embedding.weight", "text_projection"):
        assert not torch.equal(start[key], trained[key]), key
        assert torch.isfinite(trained[key]).all()
    assert not towers.model.training
    assert towers.name != COMPACT


def test_the_commonest_class_of_each_cell_by_hand() -> None:
    mask = torch.full((1, 4, 6), VOID)
    mask[0, :2, :2] = torch.tensor([[0, 1], [1, 1]])
    mask[0, :2, 2:4] = torch.tensor([[2, VOID], [VOID, VOID]])  # mostly unlabelled
    mask[0, :2, 4:] = torch.tensor([[2, 2], [VOID, VOID]])  # half is enough
    mask[0, 2:, :2] = 0

    cells = majority_classes(mask, (2, 3), 3)

    assert cells.tolist() == [[[1, VOID, 2], [0, VOID, VOID]]]
