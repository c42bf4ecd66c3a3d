"""The record of decisions: everything in it, and what holds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from db.store import verdicts
from rsqa_core.errors import NotFoundError
from rsqa_core.records import ErrorMarks
from rsqa_core.settings import Settings
from tests.db.filled import Filled, fill
from workflows.audit import audit_csv, audit_rows
from workflows.opening import Installation, open_installation


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(Settings(home=tmp_path / "home"))
    yield opened
    opened.database.close()


@pytest.fixture
def town(installation: Installation) -> Filled:
    return fill(installation.database, count=3)


def test_what_was_replaced_and_taken_back_stays_on_record(
    installation: Installation, town: Filled
) -> None:
    town.say("confirm", 0, score=0.5)
    town.say("correct", 0, score=0.25, marks=ErrorMarks((2, 2), "112"))
    town.say("skip", 1, reviewer="bob", note="clouds")
    taken = town.say("flag", 2)
    town.say("undo", 2, supersedes_id=taken.id)

    rows = audit_rows(installation, "town")

    assert [(row.kind, row.holds) for row in rows] == [
        ("undo", False),
        ("flag", False),
        ("skip", True),
        ("correct", True),
        ("confirm", False),
    ]
    assert rows[0].supersedes_id == rows[1].id
    assert (rows[2].reviewer, rows[2].note, rows[2].segmenter) == ("bob", "clouds", "")
    assert (rows[3].score, rows[3].segmenter) == (0.25, town.of(0).segmenter)
    assert [row.has_marks for row in rows] == [False, False, False, True, False]
    assert [row.kind for row in audit_rows(installation, "town", reviewer="bob")] == ["skip"]
    assert [row.kind for row in audit_rows(installation, "town", limit=2)] == ["undo", "flag"]
    with installation.database.read() as session:
        assert verdicts.reviewers(session, town.project.id) == ["ada", "bob"]


def test_the_file_has_every_row_and_no_formula(installation: Installation, town: Filled) -> None:
    town.say("confirm", 0, score=0.5)
    town.say("note", 1, note="=cmd()")

    rows = list(csv.DictReader(io.StringIO(audit_csv(installation, "town").decode())))

    assert [row["kind"] for row in rows] == ["note", "confirm"]
    assert rows[0]["note"] == "'=cmd()"
    assert (rows[0]["score"], rows[1]["score"], rows[1]["holds"]) == ("", "0.5", "True")
    assert rows[1]["recorded_at"].endswith("+00:00")


def test_an_unknown_project_is_named(installation: Installation) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        audit_rows(installation, "nowhere")
