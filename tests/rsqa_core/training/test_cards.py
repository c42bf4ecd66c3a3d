"""Model cards say what was measured, in a table that Markdown shows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rsqa_core.evaluation.agreement import pooled
from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.heads.head import COVERAGE, QualityHead
from rsqa_core.training.cards import base_head_figures, write_base_head_card, write_card
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import FOLDS, head_data


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=16, folds=(*FOLDS, ""))


@pytest.fixture(scope="module")
def head(data: HeadData) -> QualityHead:
    options = HeadTraining(epochs=2, seeds=1, width=4)
    return train_head(data, ("colours", "e" * 64), options, trained_on=("sixteen images",))


def test_a_card_has_headings_and_a_row_a_data_set(tmp_path: Path) -> None:
    write_card(
        tmp_path / "x.md",
        "A network",
        {"data": "three scenes", "licence": "free"},
        {"tile2": {"oa": 0.8125, "iou": 0.5}, "tile6": {"oa": 0.75, "extra": 2.0}},
    )

    assert (tmp_path / "x.md").read_text().splitlines() == [
        "# A network",
        "",
        "- data: three scenes",
        "- licence: free",
        "",
        "| measured on | oa | iou | extra |",
        "|---|---|---|---|",
        "| tile2 | 0.812 | 0.500 |  |",
        "| tile6 | 0.750 |  | 2.000 |",
    ]


def test_figures_of_a_head_are_out_of_fold(head: QualityHead, data: HeadData) -> None:
    found = base_head_figures(head, data)
    figures = found["held_out_folds"]

    assert found["best_margin"] == head.card.best_margin
    assert set(figures) == {"all", *FOLDS}
    folds = np.array(data.fold_names)[data.image_of_row]
    rows = np.flatnonzero(folds == "north")
    cells = head.member_cells(data.inputs.only(rows))
    own = np.array(head.card.member_fold) == list(head.card.folds).index("north")
    score = cells[own][0].mean(axis=1) + head.offsets(data.places.only(rows))
    expected = pooled(score.astype(float), data.targets[rows].astype(float))
    assert expected is not None
    assert figures["north"]["srcc"] == pytest.approx(expected.srcc)
    assert figures["north"]["mae"] == pytest.approx(expected.mae, abs=1e-6)
    assert figures["north"]["candidates"] == len(rows)
    assert figures["all"]["candidates"] == (folds != "").sum()
    assert figures["all"]["coverage"] == pytest.approx(COVERAGE, abs=0.05)
    plain = data.inputs.rows[folds != "", FEATURE_NAMES.index("max_prob_mean")].astype(float)
    kept = data.targets[folds != ""].astype(float)
    assert figures["all"]["ac_mae"] == pytest.approx(np.abs(plain - kept).mean())


def test_the_card_of_a_head_is_text_and_numbers(
    tmp_path: Path, head: QualityHead, data: HeadData
) -> None:
    figures = base_head_figures(head, data) | {"commit": "abc", "seed": 0}

    write_base_head_card(tmp_path, head.card, figures)

    text = (tmp_path / "base.md").read_text()
    assert "sixteen images" in text
    assert "3 members over 3 folds" in text
    assert "| north |" in text
    assert json.loads((tmp_path / "base.json").read_text()) == figures
