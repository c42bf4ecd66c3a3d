"""What decisions on a slice say of the whole project."""

from __future__ import annotations

import uuid

import pytest
from click.testing import CliRunner

from db.store import candidates, images, projects, slices
from db.store import verdicts as verdict_store
from rsqa_core.records import Verdict, VerdictKind
from tests.workflows.harbour import SLUG
from workflows.cli import rsqa
from workflows.opening import Installation
from workflows.reports.writing import make_report
from workflows.slices import SliceResult, slice_results


def draw(installation: Installation, size: int) -> list[int]:
    with installation.database.begin() as session:
        project = projects.get(session, SLUG)
        drawn = slices.draw(session, project.id, name="audit", size=size, drawn_by="ada")
        return [one.image_id for one in slices.images_of(session, drawn.id)]


def say(
    installation: Installation,
    image_id: int,
    kind: VerdictKind,
    score: float | None = None,
    shown: float | None = None,
    place: int = 0,
) -> None:
    with installation.database.begin() as session:
        project = projects.get(session, SLUG)
        one = candidates.of_images(session, [image_id])[image_id][place]
        verdict_store.record(
            session,
            Verdict(
                id=str(uuid.uuid4()),
                project_id=project.id,
                image_id=image_id,
                reviewer="ada",
                kind=kind,
                candidate_id=one.id if score is not None else None,
                score=score,
                score_shown=shown,
                head_id=project.active_head_id if shown is not None else None,
            ),
        )


def results_of(installation: Installation) -> list[SliceResult]:
    with installation.database.read() as session:
        project = projects.get(session, SLUG)
        return slice_results(installation, project, verdict_store.effective(session, project.id))


def test_decisions_on_a_slice_are_estimates_for_all(scored: Installation) -> None:
    chosen = draw(scored, 6)
    say(scored, chosen[0], "correct", 0.9, 0.7)
    say(scored, chosen[1], "correct", 0.5, 0.7)
    say(scored, chosen[2], "correct", 0.4, 0.6)
    say(scored, chosen[2], "correct", 0.8, 0.7, place=1)  # the best of them counts
    say(scored, chosen[3], "none_acceptable")
    say(scored, chosen[4], "skip")

    (result,) = results_of(scored)

    assert (result.slice.name, result.decided, result.passed) == ("audit", 4, 1)
    assert result.acceptable is not None
    assert (result.acceptable.mean, result.acceptable.count) == (0.5, 4)
    assert result.accuracy is not None
    assert result.accuracy.mean == pytest.approx((0.9 + 0.5 + 0.8) / 3)
    assert result.error is not None
    assert result.error.mean == pytest.approx((0.2 + 0.2 + 0.15) / 3)
    assert result.bias is not None
    assert result.bias.mean == pytest.approx((-0.2 + 0.2 + 0.05) / 3)


def test_what_lies_outside_the_slice_or_was_taken_back_says_nothing(scored: Installation) -> None:
    chosen = draw(scored, 3)
    with scored.database.read() as session:
        other = next(i.id for i in images.all_of(session, 1) if i.id not in chosen)
    say(scored, other, "correct", 0.9, 0.7)

    (result,) = results_of(scored)

    assert (result.decided, result.passed) == (0, 0)
    assert result.acceptable is result.accuracy is result.error is result.bias is None


def test_a_project_without_a_slice_has_no_results(scored: Installation) -> None:
    assert results_of(scored) == []


def test_the_command_draws_and_lists(scored: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RSQA_HOME", str(scored.settings.home))

    empty = CliRunner().invoke(rsqa, ["slice", "list", "--project", SLUG])
    made = CliRunner().invoke(
        rsqa, ["slice", "draw", "--project", SLUG, "--name", "audit", "--images", "6", "--by-scene"]
    )
    with scored.database.read() as session:
        (drawn,) = slices.all_of(session, 1)
        first = slices.images_of(session, drawn.id)[0].image_id
    say(scored, first, "correct", 0.9, 0.7)
    listed = CliRunner().invoke(rsqa, ["slice", "list", "--project", SLUG])

    assert "No slice yet" in empty.output
    assert made.exit_code == 0, made.output
    assert "Drew 6 of 12 images as 'audit'." in made.output
    assert "1 decided" in listed.output
    assert "head's error 20.0" in listed.output
    titles = [section.title for section in make_report(scored, SLUG).sections]
    assert "Random slices" in titles
    removed = CliRunner().invoke(rsqa, ["slice", "remove", "--project", SLUG, "--name", "audit"])
    assert removed.exit_code == 0, removed.output
    assert results_of(scored) == []
