from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from db.store import candidates, heads, images, projects, scores, verdicts
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.raster import decode_runs
from rsqa_core.records import ErrorMarks, Score
from rsqa_core.settings import Settings
from tests.db.filled import Filled, fill, head, new_candidate, new_image
from workflows.cli import rsqa
from workflows.exporting import CSV_COLUMNS, WRITERS, export_project, safe_cell
from workflows.opening import Installation, open_installation

UTM = (10.0, 0.0, 500_000.0, 0.0, -10.0, 2_800_000.0)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(Settings(home=tmp_path / "home"))
    yield opened
    opened.database.close()


@pytest.fixture
def town(installation: Installation) -> Filled:
    filled = fill(installation.database, count=3)
    with installation.database.begin() as session:
        candidates.set_overall_accuracy(session, filled.of(0).id, 0.875, 4096)
    return filled


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_table_has_one_row_for_each_candidate(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    town.say("correct", 0, score=0.25)
    town.say("confirm", 0, reviewer="bob", score=0.75)
    town.say("note", 0, candidate_id=town.of(0).id, note='roof, "shadow"')
    town.say("flag", 1, note="clouds")
    target = tmp_path / "town.csv"
    assert export_project(installation, "town", target) == 6
    rows = rows_of(target)
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [int(row["candidate_id"]) for row in rows] == [c.id for c in town.candidates]
    first, unsaid = rows[:2]
    assert first["overall_accuracy"] == "0.875"
    assert (first["label"], first["verdict"]) == ("0.5", "confirm")
    assert (first["reviewers"], first["note"]) == ("ada; bob", 'roof, "shadow"')
    assert float(first["score_low"]) <= float(first["score"]) <= float(first["score_high"])
    assert first["head_id"] == "base"
    assert (unsaid["label"], unsaid["verdict"], unsaid["reviewers"]) == ("", "", "")
    assert {(row["verdict"], row["note"]) for row in rows[2:4]} == {("flag", "clouds")}


def test_marks_are_written_in_the_form_of_coco(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    town.say("correct", 0, score=0.75, marks=ErrorMarks((2, 2), "112"))
    town.say("confirm", 1)
    export_project(installation, "town", tmp_path / "town.csv")
    rows = rows_of(tmp_path / "town.csv")
    found = json.loads(rows[0]["marks"])
    assert decode_runs(found["counts"], tuple(found["size"])).tolist() == [
        [False, False],
        [True, False],
    ]
    assert {row["marks"] for row in rows[1:]} == {""}

    export_project(installation, "town", tmp_path / "town.json")
    document = json.loads((tmp_path / "town.json").read_text())
    assert [row["marks"] for row in document["verdicts"]] == [found, None]


def score_richly(town: Filled) -> Score:
    """Score the first image's candidates, none of them acceptable, by a head with a margin."""
    full = Score(
        town.of(0, 0).id,
        "margin",
        0.5,
        0.4,
        0.55,
        alarms=("unlike_training", "unknown_class"),
        mean_iou=0.375,
        boundary_f1=0.25,
        class_iou=(0.75, None),
    )
    plain = Score(town.of(0, 1).id, "margin", 0.25, 0.2, 0.3)
    with town.database.begin() as session:
        heads.add(session, head("margin", metrics={"best_margin": 0.1, "best_risk": 0.1}))
        scores.publish(session, town.project.id, "margin", [full, plain])
        images.set_informative(session, {town.images[0].id: 0.625}, head_id="margin")
        heads.promote(session, town.project.id, "margin", reviewer="ada")
    return full


def test_every_prediction_is_in_the_table(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    target = tmp_path / "town.csv"
    export_project(installation, "town", target)
    new = ("mean_iou", "boundary_f1", "class_iou", "alarms", "may_be_best", "informative")
    assert {row[name] for row in rows_of(target) for name in new} == {""}
    score_richly(town)
    export_project(installation, "town", target)
    first, second, unscored = rows_of(target)[:3]
    assert (first["mean_iou"], first["boundary_f1"]) == ("0.375", "0.25")
    assert json.loads(first["class_iou"]) == {"roof": 0.75, "Low Vegetation": None}
    assert first["alarms"] == "unlike_training; unknown_class"
    assert (first["may_be_best"], second["may_be_best"]) == ("true", "false")
    assert (second["mean_iou"], second["class_iou"], second["alarms"]) == ("", "", "")
    assert (first["informative"], unscored["informative"]) == ("0.625", "")
    assert (unscored["score"], unscored["may_be_best"], unscored["head_id"]) == ("", "", "")


def test_every_prediction_is_in_the_full_record_and_the_map(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    full = score_richly(town)
    export_project(installation, "town", tmp_path / "town.json")
    found = json.loads((tmp_path / "town.json").read_text(encoding="utf-8"))
    (written,) = [s for s in found["scores"] if s["head_id"] == "margin" and s["score"] == 0.5]
    assert written["class_iou"] == [0.75, None]
    assert written["alarms"] == list(full.alarms)
    assert found["images"][0]["informative"] == 0.625

    with installation.database.begin() as session:
        session.execute(
            text("UPDATE image SET crs = 'EPSG:32640', transform = :t"), {"t": json.dumps(UTM)}
        )
    export_project(installation, "town", tmp_path / "town.geojson")
    features = json.loads((tmp_path / "town.geojson").read_text())["features"]
    properties = {f["id"]: f["properties"] for f in features}
    best = properties[town.images[0].id]
    assert (best["best_mean_iou"], best["best_boundary_f1"]) == (0.375, 0.25)
    assert best["best_alarms"] == "unlike_training; unknown_class"
    assert (best["best_segmenter"], best["informative"]) == ("alpha", 0.625)
    assert best["probably_none_acceptable"] is True
    assert properties[town.images[1].id]["probably_none_acceptable"] is None


def test_an_undone_verdict_is_not_in_the_table(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    first = town.say("correct", 0, score=0.25)
    town.undo(town.say("correct", 0, score=1.0))
    target = tmp_path / "town.csv"
    export_project(installation, "town", target)
    assert rows_of(target)[0]["label"] == "0.25"
    town.undo(first)
    export_project(installation, "town", target)
    assert rows_of(target)[0]["label"] == ""


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_taken_for_a_formula(
    installation: Installation, town: Filled, tmp_path: Path, start: str
) -> None:
    town.say("note", 0, candidate_id=town.of(0).id, note=f"{start}1+1")
    target = tmp_path / "town.csv"
    export_project(installation, "town", target)
    with target.open(newline="", encoding="utf-8") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    assert f"'{start}1+1" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert safe_cell("a=1") == "a=1"


def test_the_full_record_holds_every_row(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    first = town.say("confirm", 0, note="Straße")
    undone = town.say("correct", 0, score=0.1)
    undo = town.undo(undone)
    with installation.database.begin() as session:
        heads.add(session, head("next", town.project.id, parent_id="base", metrics={"mae": 0.1}))
        heads.promote(session, town.project.id, "next", reviewer="ada")
        project = projects.get(session, "town")
    target = tmp_path / "town.json"
    assert export_project(installation, "town", target) == 6
    found = json.loads(target.read_text(encoding="utf-8"))
    assert [(v["id"], v["holds"]) for v in found["verdicts"]] == [
        (first.id, True),
        (undone.id, False),
        (undo.id, False),
    ]
    assert found["verdicts"][0]["note"] == "Straße"
    assert found["verdicts"][0]["created_at"].endswith("+00:00")
    assert found["project"]["classes"][1]["name"] == "Low Vegetation"
    assert [image["id"] for image in found["images"]] == [i.id for i in town.images]
    assert [c["mask_path"] for c in found["candidates"]] == [c.mask_path for c in town.candidates]
    assert {s["head_id"] for s in found["scores"]} == {"base"}
    assert [p["head_id"] for p in found["head_history"]] == ["base", "next"]
    assert {h["id"]: h["metrics"] for h in found["heads"]} == {"base": {}, "next": {"mae": 0.1}}
    assert found["labels"] == [{"candidate_id": town.of(0).id, "score": 0.5}]
    assert found["versions"]["project"] == project.version
    assert found["versions"]["current_head"] == "next"


def add_located(town: Filled, number: int, **changes: Any) -> int:
    fields = {"crs": "EPSG:32640", "transform": UTM} | changes
    with town.database.begin() as session:
        (image,) = images.add(session, town.project.id, [new_image(number, **fields)])
    return image.id


def test_outlines_lie_where_the_images_do(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    utm = add_located(town, 50)
    degrees = add_located(
        town, 51, crs="EPSG:4326", transform=(0.001, 0.0, 55.0, 0.0, -0.001, 25.0)
    )
    target = tmp_path / "town.geojson"
    assert export_project(installation, "town", target) == 2
    found = json.loads(target.read_text(encoding="utf-8"))
    rings = {f["id"]: f["geometry"]["coordinates"][0] for f in found["features"]}
    assert set(rings) == {utm, degrees}
    for ring in rings.values():
        assert len(ring) == 5
        assert ring[0] == ring[-1]
        area = sum(x * v - u * y for (x, y), (u, v) in pairwise(ring))
        assert area > 0, "outlines go counter-clockwise"
    corners = {(round(x, 9), round(y, 9)) for x, y in rings[degrees]}
    assert corners == {(55.0, 24.936), (55.0, 25.0), (55.064, 24.936), (55.064, 25.0)}
    # The western edge is the central meridian of zone 40; 640 m are 0.00635 degrees there.
    assert min(x for x, _ in rings[utm]) == pytest.approx(57.0, abs=1e-9)
    assert max(x for x, _ in rings[utm]) == pytest.approx(57.00635, abs=1e-5)
    assert max(y for _, y in rings[utm]) == pytest.approx(25.31655, abs=1e-4)
    (feature,) = [f for f in found["features"] if f["id"] == utm]
    assert feature["properties"]["status"] == "open"
    assert feature["properties"]["best_score"] is None


def test_degraded_masks_are_listed_by_name_but_never_the_best_segmenter(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    image_id = add_located(town, 50)
    with installation.database.begin() as session:
        real, made = candidates.put(
            session, [new_candidate(image_id, name) for name in ("alpha", "synthetic-1")]
        )
        given = [Score(real.id, "base", 0.5, 0.4, 0.6), Score(made.id, "base", 0.9, 0.1, 1.0)]
        scores.publish(session, town.project.id, "base", given)
    export_project(installation, "town", tmp_path / "town.geojson")
    (feature,) = json.loads((tmp_path / "town.geojson").read_text(encoding="utf-8"))["features"]
    assert feature["properties"]["best_segmenter"] == "alpha"
    assert feature["properties"]["best_score"] == 0.5
    export_project(installation, "town", tmp_path / "town.csv")
    assert "synthetic-1" in {row["segmenter"] for row in rows_of(tmp_path / "town.csv")}


def test_a_project_without_georeference_has_no_outlines_to_export(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    target = tmp_path / "town.geojson"
    with pytest.raises(InvalidInputError, match="georeferenced"):
        export_project(installation, "town", target)
    assert not target.exists()


@pytest.mark.parametrize(
    "changes",
    [{"crs": "EPSG:999999"}, {"crs": "nonsense"}, {"transform": (1.0, 0.0, 1e30, 0.0, 1.0, 1e30)}],
)
def test_a_georeference_that_means_nothing_is_named(
    installation: Installation, town: Filled, tmp_path: Path, changes: dict[str, Any]
) -> None:
    add_located(town, 49)
    add_located(town, 50, **changes)
    with pytest.raises(InvalidInputError, match="tile-00050"):
        export_project(installation, "town", tmp_path / "town.geojson")


def test_targets_that_cannot_be_written_are_refused(
    installation: Installation, town: Filled, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=", ".join(WRITERS)):
        export_project(installation, "town", tmp_path / "town.xlsx")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidInputError, match="folder"):
        export_project(installation, "town", tmp_path / "folder.csv")
    with pytest.raises(NotFoundError, match="Did you mean 'town'"):
        export_project(installation, "twon", tmp_path / "town.csv")
    assert not (tmp_path / "town.csv").exists()


def test_a_failed_export_leaves_the_old_file(
    installation: Installation, town: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "town.csv"
    target.write_text("old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        export_project(installation, "town", target)
    assert target.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "town.csv"]


def test_the_commands_write_an_export_and_a_backup(
    installation: Installation, town: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = town.say()
    monkeypatch.setenv("RSQA_HOME", str(installation.settings.home))
    runner = CliRunner()
    target = tmp_path / "town.csv"
    done = runner.invoke(rsqa, ["export", "--project", "town", str(target)])
    assert (done.exit_code, done.output) == (0, f"Wrote 6 candidates to {target}.\n")
    assert len(rows_of(target)) == 6

    done = runner.invoke(rsqa, ["backup"])
    assert done.exit_code == 0, done.output
    (copy,) = installation.settings.backups_dir.glob("rsqa-*.sqlite3")
    again = runner.invoke(rsqa, ["backup", str(copy)])
    assert isinstance(again.exception, ConflictError)

    restored = open_installation(Settings(home=tmp_path / "restored"))
    restored.database.close()
    restored.settings.database_path.write_bytes(copy.read_bytes())
    reopened = open_installation(restored.settings)
    with reopened.database.read() as session:
        assert [v.id for v in verdicts.effective(session, town.project.id)] == [verdict.id]
    reopened.database.close()
