"""The recipe as a whole: its stages, what they see, and how it goes on after a stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rsqa_core.errors import CancelledError, InvalidInputError
from rsqa_core.training.pairs import LeftOut
from rsqa_core.training.pretraining import Recipe, pretrain
from rsqa_core.training.purification import CoarseImage, Embedded, PurificationOptions, Refiner
from tests.rsqa_core.training.test_contrastive import TINY
from tests.rsqa_core.training.tiny import ColourPairs, tiny_towers

RECIPE = Recipe(
    replace(TINY, steps=80, batch=12, learning_rate=1e-2),
    semantic_share=0.75,
    purification=PurificationOptions(discard_share=0.25, refine_share=0.25),
)
COARSE = range(24, 36)
WRONG = range(24, 30)


def test_wrong_captions_are_found_and_right_ones_kept() -> None:
    source = ColourPairs(36, coarse=COARSE, wrong=WRONG)

    result = pretrain(tiny_towers(), [source], (), RECIPE)

    assert result.report["trusted"] == 24
    assert result.report["coarse"] == 12
    kept = [fate.pair.index for fate in result.fates if fate.outcome == "kept"]
    assert set(kept) == set(COARSE) - set(WRONG)
    for fate in result.fates:
        if fate.outcome == "refined":
            assert fate.caption == f"a {source.true[fate.pair.index]} field"


def test_another_refiner_is_asked_and_given_the_trusted_pairs() -> None:
    source = ColourPairs(36, coarse=COARSE, wrong=WRONG)
    seen: list[int] = []

    class Nothing:
        def refine(self, image: CoarseImage) -> str | None:
            seen.append(int(image.key.split()[1]))
            return None

    def make(bank: Embedded) -> Refiner:
        assert len(bank.pairs) == 24
        return Nothing()

    result = pretrain(tiny_towers(), [source], (), RECIPE, make_refiner=make)

    assert len(seen) == 3
    assert result.report["discarded"] == 6


def test_without_coarse_pairs_the_trusted_ones_get_all_steps() -> None:
    steps: list[tuple[str, int, int]] = []

    result = pretrain(
        tiny_towers(),
        [ColourPairs(12)],
        (),
        Recipe(replace(TINY, steps=3)),
        progress=lambda step, done, total: steps.append((step[:20], done, total)),
    )

    assert [(done, total) for _, done, total in steps] == [(1, 3), (2, 3), (3, 3)]
    assert result.report == {}
    assert result.fates == ()


def test_without_trusted_pairs_nothing_can_be_judged() -> None:
    with pytest.raises(InvalidInputError, match="trusted"):
        pretrain(tiny_towers(), [ColourPairs(4, coarse=range(4))], (), RECIPE)


def test_what_a_source_left_out_and_what_cannot_be_decoded_is_told_once() -> None:
    source = ColourPairs(12, coarse=[9, 10, 11], broken=[2, 10])
    source.left_out = (LeftOut("line 7", "it has no caption"),)

    result = pretrain(tiny_towers(), [source], (), Recipe(replace(TINY, steps=6)))

    assert sorted(each.name for each in result.left_out) == ["colour 10", "colour 2", "line 7"]
    assert result.report["coarse"] == 2


def test_a_run_stopped_in_its_last_training_does_not_repeat_the_first(tmp_path: Path) -> None:
    source = ColourPairs(24, coarse=range(18, 24))
    recipe = Recipe(replace(TINY, steps=6), semantic_share=0.5)
    whole = tiny_towers()
    pretrain(whole, [source], (), recipe)

    def stopping(step: str, done: int, total: int) -> None:
        if "purified" in step and done == 2:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        pretrain(tiny_towers(), [source], (), recipe, folder=tmp_path, progress=stopping)
    seen: list[str] = []
    again = tiny_towers()
    pretrain(
        again,
        [source],
        (),
        recipe,
        folder=tmp_path,
        progress=lambda step, done, total: seen.append(step),
    )

    assert not [step for step in seen if " trusted " in step]
    for key, value in whole.model.state_dict().items():
        assert torch.equal(value, again.model.state_dict()[key]), key
