"""The map of a project, points drawn of it, and what answers to them say."""

from __future__ import annotations

import csv
import io
import uuid
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from db.store import candidates, images, projects, surveys, verdicts
from rsqa_core.errors import InvalidInputError
from rsqa_core.raster import read_mask
from rsqa_core.records import VOID, ImageRecord, Project, Verdict
from rsqa_core.surveys import Survey, SurveyAnswer
from tests.workflows.harbour import SLUG
from workflows.cli import rsqa
from workflows.opening import Installation
from workflows.reports.writing import make_report
from workflows.survey_tables import points_csv, survey_csv
from workflows.surveys import _own_px, draw_survey, project_map, survey_result, survey_results


def project_of(installation: Installation) -> Project:
    with installation.database.read() as session:
        return projects.get(session, SLUG)


def images_of(installation: Installation) -> dict[int, ImageRecord]:
    with installation.database.read() as session:
        return {i.id: i for i in images.all_of(session, project_of(installation).id)}


def draw(
    installation: Installation, name: str = "spring", points: int = 80, seed: int = 1
) -> Survey:
    return draw_survey(
        installation, SLUG, name=name, points=points, fewest=5, seed=seed, drawn_by="ada"
    )


def look_up(installation: Installation, survey: Survey) -> None:
    """Answer every point as the reference mask says; where it is void nobody can tell."""
    found, project = images_of(installation), project_of(installation)
    with installation.database.begin() as session:
        for point in surveys.points(session, survey.id):
            path = found[point.image_id].reference_mask_path
            assert path is not None
            said = int(read_mask(installation.files.path(path))[point.y_px, point.x_px])
            surveys.answer(
                session,
                project.id,
                SurveyAnswer(
                    str(uuid.uuid4()),
                    survey.id,
                    point.number,
                    None if said == VOID else said,
                    "ada",
                ),
            )


def decide(installation: Installation, image_id: int, kind: str, segmenter: str = "") -> None:
    with installation.database.begin() as session:
        found = candidates.of_images(session, [image_id])[image_id]
        chosen = next((c for c in found if c.segmenter == segmenter), None)
        verdicts.record(
            session,
            Verdict(
                id=str(uuid.uuid4()),
                project_id=project_of(installation).id,
                image_id=image_id,
                reviewer="ada",
                kind=kind,  # type: ignore[arg-type]
                candidate_id=None if chosen is None else chosen.id,
                score=None if chosen is None else 0.2,
            ),
        )


def test_the_map_takes_what_reviewers_chose_then_what_is_predicted_best(
    scored: Installation,
) -> None:
    first, second, *_ = images_of(scored)
    before = project_map(scored, SLUG)
    decide(scored, first, "correct", "far")
    decide(scored, second, "flag")

    after = project_map(scored, SLUG)

    chosen = {c.image_id: c.segmenter for c in after.chosen}
    assert chosen[first] == "far"  # whatever the score: somebody looked
    assert second not in chosen
    assert (before.left_out, after.left_out) == (0, 1)
    others = {c.image_id: c.segmenter for c in before.chosen if c.image_id not in (first, second)}
    assert others.items() <= chosen.items()


def test_areas_are_those_of_the_masks(scored: Installation) -> None:
    found = project_map(scored, SLUG)

    assert found.unit == "px"  # the harbour has no georeference
    for row, candidate in enumerate(found.chosen):
        mask = read_mask(scored.files.path(candidate.mask_path))
        counts = np.bincount(mask[mask != VOID], minlength=len(found.project.classes))
        assert found.areas[row] == pytest.approx(counts)
    assert all(0.0 <= value <= 1.0 for value in found.expected)


def test_points_lie_where_the_map_has_their_class(scored: Installation) -> None:
    survey = draw(scored)

    found = {candidate.id: candidate for candidate in project_map(scored, SLUG).chosen}
    with scored.database.read() as session:
        points = surveys.points(session, survey.id)
    for point in points:
        mask = read_mask(scored.files.path(found[point.candidate_id].mask_path))
        assert mask[point.y_px, point.x_px] == point.map_class
    assert len({(p.image_id, p.x_px, p.y_px) for p in points}) == len(points)
    by_class = Counter(point.map_class for point in points)
    assert all(by_class[k] >= 5 for k, area in enumerate(survey.mapped) if area > 0)
    order = [point.map_class for point in points]
    assert order != sorted(order)


def test_the_same_seed_draws_the_same_points(scored: Installation) -> None:
    first, again, other = (draw(scored, n, seed=s) for n, s in (("a", 1), ("b", 1), ("c", 2)))

    def places(survey: Survey) -> list[tuple[int, int, int]]:
        with scored.database.read() as session:
            return [(p.image_id, p.x_px, p.y_px) for p in surveys.points(session, survey.id)]

    assert places(first) == places(again)
    assert places(first) != places(other)


def test_looked_up_points_tell_the_accuracy_of_the_map(scored: Installation) -> None:
    found, known = project_map(scored, SLUG), images_of(scored)
    right = valid = 0
    for candidate in found.chosen:
        path = known[candidate.image_id].reference_mask_path
        assert path is not None
        reference = read_mask(scored.files.path(path))
        mask = read_mask(scored.files.path(candidate.mask_path))
        here = (reference != VOID) & (mask != VOID)
        right, valid = right + int((mask == reference)[here].sum()), valid + int(here.sum())
    survey = draw(scored, points=600)
    look_up(scored, survey)

    result = survey_result(scored, found.project, survey)

    assert result.estimate is not None
    assert result.answered == survey.points
    assert result.unsure > 0  # the reference of the harbour is void along one edge
    overall = result.estimate.overall
    assert abs(overall.value - right / valid) < 1.5 * overall.half
    assert overall.half < 0.06


def test_before_there_are_answers_the_missing_classes_are_named(scored: Installation) -> None:
    survey = draw(scored)

    result = survey_result(scored, project_of(scored), survey)

    assert result.estimate is None
    mapped = zip(project_of(scored).classes, survey.mapped, strict=True)
    assert result.missing == tuple(entry.name for entry, area in mapped if area > 0)
    assert b"too few answers of" in survey_csv(project_of(scored), result)


def test_tiles_that_overlap_count_their_ground_once(scored: Installation) -> None:
    image = next(iter(images_of(scored).values()))
    tiles = [
        replace(image, source_sha256="s", x_px=x, y_px=y, width_px=64, height_px=64)
        for y in (0, 40)
        for x in (0, 64, 100)
    ]

    assert _own_px(tiles) == [(40, 64), (40, 36), (40, 64), (64, 64), (64, 36), (64, 64)]


def test_files_hold_the_matrix_and_every_point(scored: Installation, tmp_path: Path) -> None:
    survey = draw(scored)
    look_up(scored, survey)
    project = project_of(scored)
    (result,) = survey_results(scored, project)
    assert result.estimate is not None

    lines = list(csv.reader(io.StringIO(survey_csv(project, result).decode())))
    start = next(n for n, line in enumerate(lines) if line and line[0].startswith("points: map"))
    counts = [
        list(map(int, line[1:])) for line in lines[start + 1 : start + 1 + len(project.classes)]
    ]
    assert counts == result.estimate.counts.tolist()
    rows = list(csv.DictReader(io.StringIO(points_csv(scored, project, survey).decode())))
    assert len(rows) == survey.points
    assert sum(row["class"] == "unsure" for row in rows) == result.unsure
    assert {row["reviewer"] for row in rows} == {"ada"}


def test_a_project_without_candidates_has_no_map(imported: Installation) -> None:
    with pytest.raises(InvalidInputError, match="no map to survey"):
        project_map(imported, SLUG)


def test_fewer_than_two_points_of_a_class_are_refused(scored: Installation) -> None:
    with pytest.raises(InvalidInputError, match="at least 2 of each class"):
        draw_survey(scored, SLUG, name="x", points=5, fewest=1, seed=0, drawn_by="ada")


def test_the_command_draws_lists_exports_and_forgets(
    scored: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(scored.settings.home))
    run = CliRunner().invoke
    of = ["--project", SLUG]
    empty = run(rsqa, ["areas", "list", *of])
    drawn = run(rsqa, ["areas", "draw", *of, "--name", "spring", "--points", "60"])
    assert "No survey yet" in empty.output
    assert "points of 12 images as 'spring'" in drawn.output, drawn.output
    with scored.database.read() as session:
        (survey,) = surveys.all_of(session, project_of(scored).id)
    look_up(scored, survey)
    listed = run(rsqa, ["areas", "list", *of])
    section = next(s for s in make_report(scored, SLUG).sections if s.title == "Areas")
    assert listed.output.splitlines()[1].strip() in f"{section.blocks[0].words}".lower()  # type: ignore[union-attr]
    assert "overall accuracy" in listed.output
    out = tmp_path / "spring"
    exported = run(rsqa, ["areas", "export", *of, "--name", "spring", "--out", str(out)])
    assert exported.exit_code == 0, exported.output
    assert {path.name for path in tmp_path.glob("spring-*.csv")} == {
        "spring-areas.csv",
        "spring-points.csv",
    }
    assert run(rsqa, ["areas", "remove", *of, "--name", "spring"]).exit_code == 0
    assert "Areas" not in [section.title for section in make_report(scored, SLUG).sections]
    gone = run(rsqa, ["areas", "remove", *of, "--name", "spring"])
    assert gone.exit_code != 0
