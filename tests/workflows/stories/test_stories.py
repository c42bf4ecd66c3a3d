"""Stories of a project: what the slides show, and that both files show it."""

from __future__ import annotations

import io
import re
import uuid
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from db.store import candidates, images, projects, stories, verdicts
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.records import VOID, ClassDef, Verdict
from rsqa_core.stories import Story, StoryImage
from tests.workflows.harbour import SLUG
from workflows.cli import rsqa
from workflows.opening import Installation
from workflows.reports.facts import Facts, gather
from workflows.stories.html import as_html
from workflows.stories.layers import mask_png
from workflows.stories.making import chosen_images, make_deck
from workflows.stories.pages import as_pdf
from workflows.stories.slides import Deck, FiguresSlide, ImageSlide, MapSlide, PlotSlide, percent
from workflows.stories.writing import write_story


def shown(deck: Deck) -> list[ImageSlide]:
    return [slide for slide in deck.slides if isinstance(slide, ImageSlide)]


def decide(installation: Installation, image: int, score: float, shown_score: float) -> None:
    with installation.database.begin() as session:
        project = projects.get(session, SLUG)
        one = candidates.of_images(session, [image])[image][0]
        verdicts.record(
            session,
            Verdict(
                id=str(uuid.uuid4()),
                project_id=project.id,
                image_id=image,
                reviewer="ada",
                kind="correct",
                candidate_id=one.id,
                score=score,
                score_shown=shown_score,
                head_id=project.active_head_id,
            ),
        )


def test_slides_tell_what_the_project_holds(scored: Installation) -> None:
    deck = make_deck(scored, SLUG)

    counts = deck.slides[0]
    assert isinstance(counts, FiguresSlide)
    assert ("12", "images") in counts.figures
    assert ("36", "candidates of 3 segmenters") in counts.figures
    assert deck.title == "Harbour"
    assert "12 images" in deck.remark
    (placed,) = [slide for slide in deck.slides if isinstance(slide, MapSlide)]
    assert len(placed.outlines) == 12
    corners = np.array([outline.points for outline in placed.outlines]).reshape(-1, 2)
    assert corners.min() >= 0.0
    assert corners[:, 0].max() == pytest.approx(1.0)
    assert corners[:, 1].max() == pytest.approx(placed.height)
    titles = [slide.title for slide in deck.slides if isinstance(slide, PlotSlide)]
    assert titles == ["Which images can be trusted", "Which segmenter to take"]


def test_images_are_the_best_the_worst_and_the_disputed_of_different_sources(
    scored: Installation,
) -> None:
    with scored.database.read() as session:
        every = {image.name: image for image in images.all_of(session, 1)}

    found = shown(make_deck(scored, SLUG))

    assert 2 <= len(found) <= 3
    assert len({every[slide.title].source_sha256 for slide in found}) == len(found)
    facts = gather(scored, SLUG)
    varied = [
        key for key in facts.best if max(facts.candidates[key][0].candidate.area_shares) <= 0.8
    ]
    best = max(varied or facts.best, key=lambda key: facts.best[key].score)
    assert every[found[0].title].id == best
    scores = [layer.score.score for layer in found[0].layers if layer.score is not None]
    assert len(scores) == len(found[0].layers)
    assert scores == sorted(scores, reverse=True)
    assert f"{percent(scores[0])} right" in found[0].lead


def test_the_most_corrected_image_is_among_them(scored: Installation) -> None:
    facts = gather(scored, SLUG)
    shown_before = {entry.image_id for entry in chosen_images(_apart(facts))}
    corrected, less = sorted(set(facts.best) - shown_before)[:2]
    decide(scored, less, 0.5, 0.6)
    decide(scored, corrected, 0.1, 0.9)

    chosen = [entry.image_id for entry in chosen_images(_apart(gather(scored, SLUG)))]

    assert set(chosen) == {*shown_before, corrected}
    slide = next(slide for slide in shown(make_deck_of(scored, corrected)) if slide.layers)
    assert 0.1 in [layer.label for layer in slide.layers]


def _apart(facts: Facts) -> Facts:
    """The same, every image from a source of its own."""
    images = {key: replace(one, source_sha256=str(key)) for key, one in facts.images.items()}
    return replace(facts, images=images)


def make_deck_of(installation: Installation, image: int) -> Deck:
    with installation.database.begin() as session:
        stories.put(session, 1, Story(images=(StoryImage(image),)))
    return make_deck(installation, SLUG)


def test_a_story_that_was_arranged_is_told_as_it_was(scored: Installation) -> None:
    with scored.database.begin() as session:
        every = images.all_of(session, 1)
        chosen = (StoryImage(every[5].id, "The <pier> & its boats"), StoryImage(every[2].id))
        stories.put(session, 1, Story("Our harbour", "Seen in spring", chosen))

    deck = make_deck(scored, SLUG)

    assert (deck.title, deck.lead) == ("Our harbour", "Seen in spring")
    assert [slide.title for slide in shown(deck)] == [every[5].name, every[2].name]
    page = as_html(deck).decode()
    assert "The &lt;pier&gt; &amp; its boats" in page
    assert "<pier>" not in page


def test_a_mask_keeps_its_colours_and_what_has_no_class_is_clear(scored: Installation) -> None:
    with scored.database.read() as session:
        project = projects.get(session, SLUG)
        one = candidates.all_of(session, project.id)[0]
    with Image.open(scored.files.path(one.mask_path)) as stored:
        mask = np.array(stored)
    mask[:4] = VOID
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    holed = replace(one, mask_path=scored.files.put(stream.getvalue(), ".png"))

    png = mask_png(scored, holed, project.classes, (mask.shape[1], mask.shape[0]))

    drawn = np.array(Image.open(io.BytesIO(png)).convert("RGBA"))
    assert (drawn[:4, :, 3] == 0).all()
    assert (drawn[4:, :, 3] == 255).all()
    colours = {tuple(map(int, colour)) for colour in drawn[4:].reshape(-1, 4)[:, :3]}
    assert len(colours) == len(np.unique(mask[4:]))


def test_html_needs_nothing_beside_it(scored: Installation, tmp_path: Path) -> None:
    (written,) = write_story(scored, SLUG, tmp_path / "talk.html")

    page = (tmp_path / "talk.html").read_text()
    assert written.size_bytes == (tmp_path / "talk.html").stat().st_size
    # Namespaces aside, nothing names a server; pictures, styles and script are inside.
    assert re.findall(r"""(?:src|href)=["'](?!data:|#)""", page) == []
    assert "https://" not in page
    assert "http://" not in page
    assert page.count('class="slide') == len(make_deck(scored, SLUG).slides) + 1


def test_pdf_has_a_page_a_slide(scored: Installation) -> None:
    deck = make_deck(scored, SLUG)

    content = as_pdf(deck)

    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type /Page\b(?!s)", content)) == len(deck.slides) + 1


def test_a_project_without_anything_still_has_a_first_slide(scored: Installation) -> None:
    with scored.database.begin() as session:
        projects.create(
            session,
            slug="empty",
            name="Empty",
            classes=(ClassDef(0, "roof", (1, 2, 3)),),
            origin="generated",
        )

    deck = make_deck(scored, "empty")

    assert "0 rendered images" in deck.remark
    assert b"Empty" in as_html(deck)
    assert as_pdf(deck).startswith(b"%PDF")


def test_wrong_files_and_projects_are_refused_before_any_work(
    scored: Installation, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=r"\.html or \.pdf, but got 'talk\.pptx'"):
        write_story(scored, SLUG, tmp_path / "talk.html", tmp_path / "talk.pptx")
    with pytest.raises(NotFoundError):
        write_story(scored, "nowhere", tmp_path / "talk.html")
    assert list(tmp_path.glob("talk*")) == []


def test_the_command_writes_what_it_is_asked_for(
    scored: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(scored.settings.home))

    result = CliRunner().invoke(
        rsqa, ["present", "--project", SLUG, str(tmp_path / "a.html"), str(tmp_path / "a.pdf")]
    )

    assert result.exit_code == 0, result.output
    assert result.output.count("Wrote ") == 2
