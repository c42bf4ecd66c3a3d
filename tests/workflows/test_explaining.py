"""Why a score: sums, what is kept, labelled examples, what is refused, and the command."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from db.store import candidates, heads, images, scores
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.features.grids import CELL_SIDE
from rsqa_core.records import EXPLAIN_METHODS, Candidate, Score, is_synthetic
from tests.workflows.harbour import SLUG
from tests.workflows.test_retraining import (
    candidates_of,
    first_of_each_image,
    judge,
    project_of,
    scores_by,
)
from workflows import explaining
from workflows.commands import why as why_command
from workflows.degrading import degrade_project
from workflows.explaining import explain_candidate, explanation_path, find_candidate
from workflows.labelled_examples import MOST_EXAMPLES
from workflows.model_process import _OPERATIONS
from workflows.opening import Installation
from workflows.retraining import retrain_project
from workflows.scoring import score_project


def recorded(installation: Installation, candidate: Candidate) -> Score:
    head_id = str(project_of(installation).active_head_id)
    return scores_by(installation, head_id)[candidate.id]


def promote(installation: Installation, head_id: str) -> None:
    with installation.database.begin() as session:
        heads.promote(session, project_of(installation).id, head_id, reviewer="ada")


@pytest.mark.parametrize("method", EXPLAIN_METHODS)
def test_shares_sum_to_the_recorded_score_and_the_map_is_checked(
    scored: Installation, method: str
) -> None:
    candidate = candidates_of(scored)[1]

    found = explain_candidate(scored, candidate.id, method)

    assert found["score"] == pytest.approx(recorded(scored, candidate).score, abs=1e-3)
    assert found["base"] + sum(one["value"] for one in found["shares"]) == pytest.approx(
        found["score"], abs=1e-5
    )
    assert len(found["cells"]) == CELL_SIDE**2
    deletion = found["deletion"]
    assert len(deletion["by_map"]) == CELL_SIDE**2 + 1
    assert deletion["by_map"][-1] == pytest.approx(deletion["by_chance"][-1], abs=1e-5)
    assert [one["share"] for one in deletion["falls"]] == [0.1, 0.25, 0.5]
    if method == "occlusion":
        assert deletion["faithfulness"] == pytest.approx(1.0, abs=1e-3)
        assert deletion["by_map"][16] > deletion["by_chance"][16]
    assert (found["candidate_id"], found["method"]) == (candidate.id, method)


def test_an_explanation_is_kept_but_its_examples_follow_the_labels(
    scored: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = candidates_of(scored)[0]
    first = explain_candidate(scored, candidate.id)
    path = explanation_path(scored.settings, candidate, recorded(scored, candidate), "grad-cam")
    assert path.is_file()
    assert first["examples"] == []

    monkeypatch.setattr(explaining, "_explained", lambda *_: pytest.fail("worked out again"))
    judge(scored, [candidates_of(scored)[-1]])
    again = explain_candidate(scored, candidate.id)

    assert [one["candidate_id"] for one in again["examples"]] == [candidates_of(scored)[-1].id]
    assert {**again, "examples": []} == first


def test_a_damaged_file_is_made_again(scored: Installation) -> None:
    candidate = candidates_of(scored)[0]
    first = explain_candidate(scored, candidate.id)
    path = explanation_path(scored.settings, candidate, recorded(scored, candidate), "grad-cam")
    path.write_bytes(path.read_bytes()[:40])

    assert explain_candidate(scored, candidate.id) == first


def test_another_score_head_mask_or_method_is_another_file(scored: Installation) -> None:
    candidate = candidates_of(scored)[0]
    score = recorded(scored, candidate)
    settings = scored.settings

    paths = {
        explanation_path(settings, candidate, score, "lime"),
        explanation_path(settings, candidate, score, "occlusion"),
        explanation_path(settings, candidate, replace(score, score=score.score / 2), "lime"),
        explanation_path(settings, candidate, replace(score, head_id="another"), "lime"),
        explanation_path(settings, replace(candidate, mask_sha256="0" * 64), score, "lime"),
    }

    assert len(paths) == 5


def test_examples_are_the_most_alike_of_other_images(scored: Installation) -> None:
    every = candidates_of(scored)
    candidate = every[0]
    given = judge(scored, every)

    found = explain_candidate(scored, candidate.id)["examples"]

    assert len(found) == MOST_EXAMPLES
    shown = [one["image_id"] for one in found]
    assert candidate.image_id not in shown
    assert len(set(shown)) == len(shown)
    alike = [one["likeness"] for one in found]
    assert alike == sorted(alike, reverse=True)
    assert 0.0 <= alike[-1] < alike[0] <= 1.0
    assert all(one["label"] == pytest.approx(given[one["candidate_id"]]) for one in found)


def test_degraded_masks_are_no_precedents(scored: Installation) -> None:
    degrade_project(scored, SLUG, count=1)
    score_project(scored, SLUG)
    made = [one for one in candidates_of(scored) if is_synthetic(one.segmenter)]
    assert judge(scored, made)

    assert explain_candidate(scored, candidates_of(scored)[0].id)["examples"] == []


def test_what_labels_taught_is_told_apart(scored: Installation) -> None:
    found = candidates_of(scored)
    candidate = found[2]

    def shares() -> dict[str, float]:
        explained = explain_candidate(scored, candidate.id)
        return {one["key"]: one["value"] for one in explained["shares"]}

    before = shares()
    score = recorded(scored, candidate).score
    judge(scored, first_of_each_image(found))
    record = retrain_project(scored, SLUG)
    promote(scored, record.id)
    after = shares()

    assert before["labels"] == 0.0
    learnt = recorded(scored, candidate).score - score
    assert after["labels"] == pytest.approx(learnt, abs=1e-3)
    assert after["labels"] < -0.05
    rest = set(before) - {"labels"}
    assert {key: after[key] for key in rest} == pytest.approx({key: before[key] for key in rest})


def test_what_has_no_score_says_what_to_do(segmented: Installation) -> None:
    with pytest.raises(InvalidInputError, match=r"no score.*rsqa score --project harbour"):
        explain_candidate(segmented, candidates_of(segmented)[0].id)


def test_a_score_that_no_longer_holds_is_not_explained(scored: Installation) -> None:
    candidate = candidates_of(scored)[0]
    score = recorded(scored, candidate)
    other = score.score - 0.2 if score.score > 0.5 else score.score + 0.2
    with scored.database.begin() as session:
        scores.publish(
            session,
            project_of(scored).id,
            score.head_id,
            [replace(score, score=other, low=min(score.low, other), high=max(score.high, other))],
        )

    with pytest.raises(ConflictError, match=r"changed since.*rsqa score --project harbour"):
        explain_candidate(scored, candidate.id)


def test_what_does_not_exist_is_told(scored: Installation) -> None:
    with pytest.raises(NotFoundError, match="candidate"):
        explain_candidate(scored, 10**9)
    with pytest.raises(InvalidInputError, match=r"grad-cam, occlusion, lime, but got 'guess'"):
        explain_candidate(scored, candidates_of(scored)[0].id, "guess")
    with pytest.raises(NotFoundError, match="no image called 'nowhere'"):
        find_candidate(scored, SLUG, "nowhere")
    with scored.database.read() as session:
        name = images.all_of(session, project_of(scored).id)[0].name
    with pytest.raises(NotFoundError, match="No segmenter is called 'nobody'"):
        find_candidate(scored, SLUG, name, "nobody")


def test_the_best_predicted_candidate_is_found_by_the_image_alone(scored: Installation) -> None:
    with scored.database.read() as session:
        image = images.all_of(session, project_of(scored).id)[0]
        own = candidates.of_images(session, [image.id])[image.id]

    best = max(own, key=lambda one: recorded(scored, one).score)

    assert find_candidate(scored, SLUG, image.name) == best
    assert find_candidate(scored, SLUG, image.name, "far").segmenter == "far"


def test_the_process_with_the_models_answers_it() -> None:
    assert _OPERATIONS["explain_candidate"] is explain_candidate


def test_the_command_prints_what_the_screen_shows(
    scored: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.opening.open_installation", lambda: scored)
    judge(scored, first_of_each_image(candidates_of(scored)))
    with scored.database.read() as session:
        image = images.all_of(session, project_of(scored).id)[0]
    arguments = ["--project", SLUG, "--image", image.name, "--segmenter", "off"]

    result = CliRunner().invoke(why_command.command, [*arguments, "--method", "occlusion"])

    assert result.exit_code == 0, result.output
    found = explain_candidate(
        scored, find_candidate(scored, SLUG, image.name, "off").id, "occlusion"
    )
    assert f"off on {image.name}" in result.output
    assert f"{found['score']:.1%}" in result.output
    assert "learnt from your labels" in result.output
    assert "the map has 100%" in result.output
    assert result.output.count("alike: ") == MOST_EXAMPLES
