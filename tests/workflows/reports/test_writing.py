"""Reports of a project: what they say, and that both files say it."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner

from db.store import candidates, projects, verdicts
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import Verdict
from tests.workflows.harbour import SLUG
from workflows.cli import rsqa
from workflows.opening import Installation
from workflows.reports.blocks import Figure, Gallery, Report, Section, Table, Text
from workflows.reports.html import as_html
from workflows.reports.pdf import as_pdf
from workflows.reports.writing import make_report, write_report
from workflows.retraining import retrain_project


def label(installation: Installation, reviewer: str, count: int, shift: float = 0.0) -> None:
    """Correct the first candidates to what was measured, or to so much more."""
    with installation.database.begin() as session:
        project = projects.get(session, SLUG)
        for one in candidates.all_of(session, project.id)[:count]:
            measured = float(one.overall_accuracy or 0.0)
            verdicts.record(
                session,
                Verdict(
                    id=str(uuid.uuid4()),
                    project_id=project.id,
                    image_id=one.image_id,
                    reviewer=reviewer,
                    kind="correct",
                    candidate_id=one.id,
                    score=min(1.0, measured + shift),
                    score_shown=0.5,
                    head_id=project.active_head_id,
                ),
            )


def section(report: Report, title: str) -> Section:
    (found,) = [one for one in report.sections if one.title == title]
    return found


def words(part: Section) -> str:
    return " ".join(block.words for block in part.blocks if isinstance(block, Text))


def table(part: Section) -> dict[str, tuple[str, ...]]:
    (found,) = [block for block in part.blocks if isinstance(block, Table)]
    return {row[0]: row[1:] for row in found.rows}


def test_a_report_tells_what_the_project_holds(scored: Installation) -> None:
    label(scored, "ada", 3)

    report = make_report(scored, SLUG)

    rows = table(section(report, "Overview"))
    assert report.title == "Harbour"
    assert rows["Images"] == ("12 of 3 source files",)
    assert rows["Candidates"] == ("36 of 3 segmenters, 36 scored",)
    assert rows["Labels"] == ("3: 0 confirmed, 3 corrected",)
    assert rows["Reviewers"] == ("ada",)
    by_segmenter = table(section(report, "Predicted quality"))
    assert list(by_segmenter) == ["near", "off", "far"]  # best first
    assert [row[0] for row in by_segmenter.values()] == ["12"] * 3
    measured = [int(row[4]) for row in by_segmenter.values()]
    assert measured == sorted(measured, reverse=True)
    galleries = [b for b in section(report, "Images").blocks if isinstance(b, Gallery)]
    assert [len(gallery.pictures) for gallery in galleries] == [6, 6, 6]
    for gallery in galleries:  # image and mask of three images, each of another source
        names = [picture.caption for picture in gallery.pictures[::2]]
        assert {name.split()[0] for name in names} == {"north", "south", "west"}


def test_calibration_compares_with_reviewers_and_references(scored: Installation) -> None:
    label(scored, "ada", 6)

    part = section(make_report(scored, SLUG), "Calibration")

    rows = table(part)
    assert rows["Reviewers, as shown then"][0] == "6"
    assert rows["Reference masks"][0] == "36"
    with scored.database.read() as session:
        project = projects.get(session, SLUG)
        six = [float(c.overall_accuracy or 0) for c in candidates.all_of(session, project.id)[:6]]
    bias = 100 * (0.5 - sum(six) / 6)
    assert float(rows["Reviewers, as shown then"][2]) == pytest.approx(bias, abs=0.06)
    assert sum(isinstance(block, Figure) for block in part.blocks) == 2


def test_confusion_counts_the_recommended_candidates_on_their_references(
    scored: Installation,
) -> None:
    part = section(make_report(scored, SLUG), "Confusion")

    found = re.search(r"of (\d+) images .*: ([\d.]+) % of ([\d,]+) labelled", words(part))
    assert found is not None
    assert found[1] == "12"
    assert int(found[3].replace(",", "")) == 12 * 62 * 64  # two rows have no label
    shares = [float(row[0].rstrip("%")) for row in table(part).values()]
    assert sum(shares) == pytest.approx(100, abs=0.3)


def test_reviewers_who_agree_have_a_high_alpha(scored: Installation) -> None:
    label(scored, "ada", 18)
    alone = words(section(make_report(scored, SLUG), "Agreement"))
    label(scored, "bob", 18, shift=0.01)

    both = words(section(make_report(scored, SLUG), "Agreement"))

    assert "no candidate has different scores of two reviewers" in alone
    found = re.search(r"alpha is ([\d.]+) \(95 % interval ([\d.]+) to ([\d.]+)\)", both)
    assert found is not None
    assert float(found[1]) > 0.95
    assert float(found[2]) <= float(found[1]) <= float(found[3])
    assert "18 candidates" in both


def test_every_head_is_told_of_with_what_it_changed(scored: Installation) -> None:
    label(scored, "ada", 24)
    head = retrain_project(scored, SLUG)

    part = section(make_report(scored, SLUG), "Models")

    rows = table(part)
    base, own = rows
    assert base.startswith("base-")
    assert rows[base][-1] == "current"
    assert own == head.id
    after = head.metrics["held_out"]["after"]["mae"]
    assert rows[own][1:4:2] == ("24", f"{after:.3f}")
    assert any(isinstance(block, Figure) for block in part.blocks)


def test_a_project_with_nothing_in_it_has_a_report_too(imported: Installation) -> None:
    report = make_report(imported, SLUG)

    assert "No candidate has a score" in words(section(report, "Predicted quality"))
    assert "Nothing to compare with" in words(section(report, "Calibration"))
    assert as_html(report).startswith(b"<!doctype html>")
    assert as_pdf(report).startswith(b"%PDF-")


def test_both_files_are_whole_and_need_nothing_else(scored: Installation, tmp_path: Path) -> None:
    label(scored, "ada", 6)
    paths = (tmp_path / "new" / "harbour.html", tmp_path / "new" / "harbour.pdf")

    written = write_report(scored, SLUG, *paths)

    page = paths[0].read_text(encoding="utf-8")
    assert [one.size_bytes for one in written] == [path.stat().st_size for path in paths]
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert page.count("<section") == page.count("</section>") == 7
    content = paths[1].read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Subtype /Image") >= 18


def test_what_people_typed_is_text_and_nothing_else(scored: Installation) -> None:
    label(scored, "<script>alert(1)</script>", 1)

    page = as_html(make_report(scored, SLUG)).decode()

    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_command_writes_every_file_and_refuses_others(
    scored: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(scored.settings.home))
    target = tmp_path / "harbour.html"

    done = CliRunner().invoke(rsqa, ["report", "--project", SLUG, str(target)])
    refused = CliRunner().invoke(rsqa, ["report", "--project", SLUG, str(tmp_path / "a.docx")])

    assert done.exit_code == 0, done.output
    assert f"to {target}" in done.output
    assert isinstance(refused.exception, InvalidInputError)
    assert "ends in .html or .pdf" in str(refused.exception)
    assert not (tmp_path / "a.docx").exists()
    with pytest.raises(InvalidInputError):
        write_report(scored, SLUG, target, tmp_path / "a.docx")
    with pytest.raises(NotFoundError):
        write_report(scored, "nowhere", target)
