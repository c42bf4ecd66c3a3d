"""Train: labels, figures on held-out labels, promotion and the way back."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from db.store import heads, projects
from pages.components.held_out import assess, figures, points
from pages.components.label_counts import labels_by_reviewer, labels_by_segmenter
from pages.components.next_step import MINIMUM_LABELS
from pages.components.ranking_change import ranking_change
from rsqa_core.records import Candidate, HeadRecord, Score, Verdict
from tests.pages.conftest import OpenPage, Started
from tests.pages.seeding import GOOD, add_head, add_labels, add_project, add_ready_project
from workflows.opening import Installation


def _head(held_out: object, *, project_id: int | None = 1) -> HeadRecord:
    return HeadRecord(
        id="h",
        project_id=project_id,
        parent_id=None,
        path="h",
        sha256="0",
        encoder_fingerprint="f",
        label_count=40,
        metrics={} if held_out is None else {"held_out": held_out},
        created_at=dt.datetime(2025, 6, 1, tzinfo=dt.UTC),
    )


def _figures(*, n: int = 20, low: float = -0.05, high: float = -0.01) -> dict[str, object]:
    return {**GOOD, "after": {"mae": 0.08, "srcc": 0.9, "n": n}, "interval": [low, high]}


@pytest.mark.parametrize(
    ("held_out", "level", "words"),
    [
        (_figures(), "good", "fell"),
        (_figures(low=-0.05, high=0.02), "warn", "spans zero"),
        (_figures(low=0.01, high=0.05), "warn", "grew"),
        (_figures(n=10), "warn", "Only 10"),
        (_figures(n=4), "refuse", "Only 4"),
        ({**GOOD, "after": {"mae": float("nan"), "n": 20}}, "refuse", "nothing"),
        (None, "refuse", "Only 0"),
    ],
)
def test_held_out_labels_decide_whether_a_head_may_be_promoted(
    held_out: object, level: str, words: str
) -> None:
    found = assess(_head(held_out))
    assert (found.level, words in found.reason) == (level, True)


def test_a_base_head_may_always_come_back() -> None:
    assert assess(_head(None, project_id=None)).level == "good"


def test_missing_figures_are_dashes_and_points_drop_what_is_not_finite() -> None:
    assert list(figures({"after": {"mae": 0.08123, "n": 7}})["After"]) == ["0.081", "—", "7"]
    table = points([[0.5, 0.4, 0.45], [0.9, float("nan"), 0.8]])
    assert sorted(table["Head"]) == ["After", "After", "Before"]
    assert points(None).empty


def _score(candidate_id: int, score: float) -> Score:
    return Score(candidate_id, "h", score, score, score)


def test_a_new_ranking_is_compared_image_by_image() -> None:
    made = [
        Candidate(
            id=index,
            image_id=1 + index // 2,
            segmenter=str(index),
            mask_path="m",
            mask_sha256="0",
            area_shares=(1.0,),
        )
        for index in range(4)
    ]
    before = {i: _score(i, value) for i, value in enumerate((0.9, 0.5, 0.3, 0.4))}
    after = {i: _score(i, value) for i, value in enumerate((0.6, 0.8, 0.3, 0.4))}
    change = ranking_change(made, before, after)
    assert (change.images, change.images_with_new_top, change.candidates) == (2, 1, 4)
    # ranks 4 3 1 2 against 3 4 1 2: rho = 1 - 6 * 2 / (4 * 15)
    assert change.rank_correlation == pytest.approx(0.8)


def test_without_shared_scores_there_is_no_correlation() -> None:
    change = ranking_change([], {}, {})
    assert change.candidates == 0
    assert change.rank_correlation is None


def test_labels_are_counted_by_reviewer_and_segmenter() -> None:
    def verdict(reviewer: str, kind: str) -> Verdict:
        return Verdict(id="v", project_id=1, image_id=1, reviewer=reviewer, kind=kind)  # type: ignore[arg-type]

    table = labels_by_reviewer(
        [
            verdict("Ada", "confirm"),
            verdict("Bob", "correct"),
            verdict("Ada", "confirm"),
            verdict("Ada", "skip"),
        ]
    )
    assert table.to_dict("records") == [
        {"Reviewer": "Ada", "Confirmed": 2, "Corrected": 0, "Labels": 2},
        {"Reviewer": "Bob", "Confirmed": 0, "Corrected": 1, "Labels": 1},
    ]
    by_segmenter = labels_by_segmenter({1: 0.5, 2: 1.0, 3: 0.0}, {1: "unet", 2: "unet"})
    assert by_segmenter.to_dict("records") == [
        {"Segmenter": "unet", "Labels": 2, "Mean score": 0.75}
    ]


def test_the_page_asks_for_as_many_labels_as_training_does() -> None:
    from rsqa_core.training import adaptation

    assert adaptation.MINIMUM_LABELS == MINIMUM_LABELS


def test_an_empty_project_can_be_looked_at_but_not_trained(
    installation: Installation, open_page: OpenPage
) -> None:
    add_project(installation)
    test = open_page("train")
    assert not test.exception
    button = next(found for found in test.button if found.label == "Train a new head")
    assert button.disabled
    assert any(f"{MINIMUM_LABELS} more labels" in found.value for found in test.info)


def test_training_starts_with_enough_labels(
    installation: Installation, open_page: OpenPage, started: Started
) -> None:
    project = add_ready_project(installation)
    add_labels(installation, project, MINIMUM_LABELS)
    test = open_page("train")
    next(found for found in test.button if found.label == "Train a new head").click().run()
    assert started == [("retrain", "harbour", {})]


def test_a_new_head_is_promoted_and_rolled_back_by_a_click(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    add_labels(installation, project, 12)
    add_head(installation, project, "own-head", own=True, held_out=GOOD, age_days=1, seed=9)

    def active() -> str | None:
        with installation.database.read() as session:
            return projects.get(session, "harbour").active_head_id

    test = open_page("train")
    assert any("top candidate" in found.value for found in test.markdown)
    next(found for found in test.button if found.label == "Promote").click().run()
    assert active() == "own-head"
    assert "own-head now ranks" in test.success[0].value
    next(found for found in test.button if found.label == "Roll back to base-head").click().run()
    assert active() == "base-head"
    assert "base-head ranks this project again" in test.success[0].value
    assert not [found for found in test.button if found.label.startswith("Roll back")]
    assert not test.exception
    with installation.database.read() as session:
        history = heads.history(session, project.id)
    assert [row.head_id for row in history] == ["base-head", "own-head", "base-head"]
    assert history[1].reviewer == "Reviewer"


def test_a_promotion_on_an_outdated_page_changes_nothing(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    add_head(installation, project, "own-1", own=True, held_out=GOOD, age_days=2, seed=8)
    add_head(installation, project, "own-2", own=True, held_out=GOOD, age_days=1, seed=9)
    test = open_page("train")
    with installation.database.begin() as session:
        heads.promote(session, project.id, "own-1", reviewer="Bob")
    next(found for found in test.button if found.label == "Promote").click().run()
    assert "changed in between" in test.warning[0].value
    with installation.database.read() as session:
        assert projects.get(session, "harbour").active_head_id == "own-1"


def test_a_head_with_too_few_held_out_labels_cannot_be_promoted(
    installation: Installation, open_page: OpenPage
) -> None:
    project = add_ready_project(installation)
    add_head(
        installation, project, "own-head", own=True, held_out=_figures(n=3), age_days=1, seed=9
    )
    test = open_page("train")
    assert next(found for found in test.button if found.label == "Promote").disabled


def test_a_head_without_scores_asks_to_be_scored_first(
    installation: Installation, open_page: OpenPage, started: Started
) -> None:
    project = add_ready_project(installation)
    with installation.database.begin() as session:
        heads.add(session, dataclasses.replace(_head(GOOD, project_id=project.id), id="bare"))
    test = open_page("train")
    next(found for found in test.button if found.label == "Score with this head").click().run()
    assert started == [("score", "harbour", {"head_id": "bare"})]
