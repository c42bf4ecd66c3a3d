"""Accept unseen: threshold, sample, acceptance and taking back; tests/browser has the dialog."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from db.store import acceptances, images, reviewers, scores, slices, verdicts
from rsqa_core.records import Verdict
from tests.pages.conftest import OpenPage
from tests.pages.seeding import add_ready_project
from workflows.opening import Installation


def body() -> None:
    """What the dialog has in it, as a page of its own: AppTest shows no dialogs."""
    from db.store import projects
    from pages.components.accepting import draw_body
    from pages.components.errors import show_notices
    from pages.components.opening import installation

    show_notices()
    with installation().database.read() as session:
        project = projects.get(session, "harbour")
    draw_body(project)


def press(test: AppTest, label: str) -> None:
    next(found for found in test.button if found.label == label).click().run()
    assert not test.exception


def labels(test: AppTest) -> list[str]:
    return [found.label for found in test.button]


def opened() -> AppTest:
    test = AppTest.from_function(body, default_timeout=30).run()
    assert not test.exception
    return test


def test_images_are_accepted_unseen_only_after_their_sample_and_taken_back(
    installation: Installation, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = add_ready_project(installation)
    gone: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(
        "pages.components.accepting.go", lambda page, **more: gone.append((page, more))
    )
    with installation.database.read() as session:
        rows = [
            replace(one, score=0.88, low=0.7, high=0.99)
            for one in scores.of_head(session, project.id, str(project.active_head_id)).values()
        ]
    with installation.database.begin() as session:
        scores.publish(session, project.id, str(project.active_head_id), rows)
        best = scores.best_of_images(session, project.id)

    test = opened()
    assert any("**No image** of 6" in found.value for found in test.markdown)
    assert labels(test) == []
    percent = 86
    test.slider(key="accepting_percent").set_value(percent).run()
    assert any("**6** of 6 open images" in found.value for found in test.markdown)
    assert labels(test) == ["Draw them and look"]
    test.number_input(key="accepting_size").set_value(2).run()
    press(test, "Draw them and look")
    with installation.database.read() as session:
        (check,) = acceptances.spot_checks(session, project.id)
        drawn = {one.image_id for one in slices.images_of(session, check.slice.id)}
    assert len(drawn) == 2
    assert gone == [("review", {"order": "random", "slice": "Spot check 1"})]

    waiting = opened()
    assert waiting.slider(key="accepting_percent").value == percent
    assert labels(waiting) == ["Look at the others"]
    waiting.slider(key="accepting_percent").set_value(percent - 1).run()
    assert labels(waiting) == ["Draw them and look"]  # another threshold needs another sample

    with installation.database.begin() as session:
        reviewers.ensure(session, "Reviewer")
        for image_id in drawn:
            verdicts.record(
                session,
                Verdict(
                    id=str(uuid.uuid4()),
                    project_id=project.id,
                    image_id=image_id,
                    reviewer="Reviewer",
                    kind="correct",
                    candidate_id=best[image_id].candidate_id,
                    score=0.9,
                    score_shown=best[image_id].score,
                ),
            )
    ready = opened()
    assert any("0 of 2 looked at are not acceptable" in found.value for found in ready.info)
    press(ready, "Accept 4")
    assert "4 images were accepted unseen" in ready.success[0].value
    with installation.database.read() as session:
        assert images.count_by_status(session, project.id) == {"reviewed": 2, "accepted": 4}

    progress = open_page("progress", project="harbour")
    assert any("4 of them were accepted unseen" in found.value for found in progress.caption)
    assert not progress.exception
    listed = open_page("queue", project="harbour", status="accepted")
    assert listed.dataframe[0].value["Status"].tolist() == ["Accepted unseen"] * 4
    audit = open_page("admin", project="harbour")

    def recorded() -> list[str]:
        (table,) = (found.value for found in audit.dataframe if "What" in found.value)
        return sorted(table["What"])

    assert recorded() == ["Corrected"] * 2  # four rows that one press wrote are one line
    assert any("accepted 4 images predicted" in found.value for found in audit.caption)
    next(one for one in audit.toggle if one.label.startswith("Every image")).set_value(True).run()
    assert recorded() == ["Accepted unseen"] * 4 + ["Corrected"] * 2

    press(ready, "Take back")
    with installation.database.read() as session:
        assert images.count_by_status(session, project.id) == {"reviewed": 2, "open": 4}
    assert "4 images were taken back" in ready.success[0].value


def test_without_scores_there_is_nothing_to_accept(
    installation: Installation, open_page: OpenPage
) -> None:
    from tests.pages.seeding import add_project

    add_project(installation, image_count=2)
    assert "Accept unseen" not in labels(open_page("queue", project="harbour"))
