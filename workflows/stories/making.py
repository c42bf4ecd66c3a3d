"""Makes the slides of a project's story from what its database and files hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

import rsqa_core
from db.store import stories
from rsqa_core.datasets.safe_colours import quality_colour, quality_legend, safe_colours
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import ACCEPTABLE_ACCURACY, ImageRecord, ScoredCandidate
from rsqa_core.stories import StoryImage
from workflows.footprints import corners
from workflows.opening import Installation
from workflows.plans import plan_of
from workflows.reports.blocks import counted
from workflows.reports.comparisons import reviewers_figure
from workflows.reports.facts import Facts, gather
from workflows.reports.sections import history_figure, ranking_figure, segmenter_figure
from workflows.stories.layers import mask_png, picture_jpeg
from workflows.stories.slides import (
    Deck,
    FiguresSlide,
    ImageSlide,
    Layer,
    MapSlide,
    Outline,
    PlotSlide,
    Slide,
    percent,
)

MOST_LAYERS = 6
"""Candidates of an image that can be chosen; more buttons than that are not read."""
MOST_OUTLINES = 3000
PLAIN_SHARE = 0.8
"""An image is plain where the best candidate gives more than this to one class."""


def make_deck(installation: Installation, slug: str, *, progress: Progress = no_progress) -> Deck:
    """Return the slides of a project's story, as the project is at this moment.

    Raises:
        NotFoundError: no such project.
    """
    facts = gather(installation, slug)
    with installation.database.read() as session:
        story = stories.get(session, facts.project.id)
    chosen = story.images or chosen_images(facts)
    slides: list[Slide] = [_counts(facts)]
    if facts.best:
        slides.append(_ranking(facts))
    if facts.images:
        slides.append(_map(facts))
    for done, entry in enumerate(chosen):
        progress("drawing slides", done, len(chosen))
        slides.append(_image(installation, facts, entry))
    slides += _comparisons(facts)
    progress("drawing slides", len(chosen), len(chosen))
    # An audience must not take the one for the other.
    made_of = "rendered images" if facts.project.origin == "generated" else "images"
    return Deck(
        title=story.title or facts.project.name,
        lead=story.lead or facts.project.description,
        remark=f"{len(facts.images):,} {made_of} · {facts.made_at:%d %B %Y} · "
        f"RSQA {rsqa_core.__version__}",
        slides=tuple(slides),
    )


def chosen_images(facts: Facts) -> tuple[StoryImage, ...]:
    """Return the images that tell most where nobody chose any, no two of one source.

    The best and the worst predicted, the one whose segmenters disagree most, and the one whose
    prediction a reviewer corrected most.
    """
    # Of an image of one class there is little to see, however well it is done.
    best = {key: facts.best[key] for key in facts.best if not _is_plain(facts, key)} or facts.best
    ranked = sorted(best, key=lambda key: (-best[key].score, key))
    disputed = sorted(best, key=lambda key: (-(facts.images[key].disagreement or 0.0), key))
    gaps = {
        verdict.image_id: abs((verdict.score or 0.0) - verdict.score_shown)
        for verdict in facts.given
        if verdict.score_shown is not None and verdict.score != verdict.score_shown
    }
    corrected = sorted(gaps, key=lambda key: (-gaps[key], key))
    found: list[StoryImage] = []
    sources: set[str] = set()
    for order in (ranked, ranked[::-1], disputed, corrected):
        for key in order:
            if facts.images[key].source_sha256 not in sources:
                sources.add(facts.images[key].source_sha256)
                found.append(StoryImage(key))
                break
    return tuple(found)


def _is_plain(facts: Facts, image_id: int) -> bool:
    return max(facts.candidates[image_id][0].candidate.area_shares) > PLAIN_SHARE


def _counts(facts: Facts) -> FiguresSlide:
    poor = sum(score.score < ACCEPTABLE_ACCURACY for score in facts.best.values())
    decided = sum(image.status != "open" for image in facts.images.values())
    figures = [
        (f"{len(facts.images):,}", "images"),
        (f"{len(facts.every):,}", f"candidates of {counted(len(facts.segmenters), 'segmenter')}"),
        (f"{decided:,}", "images that an expert decided on"),
    ]
    if facts.best:
        mean = sum(score.score for score in facts.best.values()) / len(facts.best)
        figures.insert(2, (percent(mean), "mean predicted quality of the best candidates"))
        figures.append(
            (f"{poor:,}", f"images without a candidate above {percent(ACCEPTABLE_ACCURACY)}")
        )
    return FiguresSlide(
        "What was looked at",
        "Predicted quality is the share of pixels that are expected to be classified rightly. It "
        "needs no reference mask.",
        tuple(figures),
    )


def _ranking(facts: Facts) -> PlotSlide:
    scores = sorted(score.score for score in facts.best.values())
    middle = scores[len(scores) // 2]
    return PlotSlide(
        "Which images can be trusted",
        f"Half of the images have a candidate predicted above {percent(middle)}. An expert's look "
        "is worth most where the interval is wide.",
        ranking_figure(facts),
    )


def _map(facts: Facts) -> MapSlide:
    every = list(facts.images.values())
    on_earth = corners(every)
    images = [image for image in every if image.id in on_earth] if on_earth else every
    shown = images[:MOST_OUTLINES]
    if on_earth:
        middle = math.radians(sum(point[1] for point in on_earth[shown[0].id]) / 4)
        rings = {
            image.id: [(x * math.cos(middle), y) for x, y in on_earth[image.id]] for image in shown
        }
    else:
        rings = {key: list(ring) for key, ring in plan_of(shown).items()}
    lead = (
        "Images by the predicted quality of their best candidate."
        if on_earth
        else "Images where they were cut from, by the predicted quality of their best candidate."
    )
    if len(images) > len(shown):
        lead += f" The first {len(shown):,} of {len(images):,}."
    outlines, height = _drawn(shown, rings)
    return MapSlide("Where they lie", lead, outlines, height, tuple(quality_legend()))


def _drawn(
    images: Sequence[ImageRecord], rings: dict[int, list[tuple[float, float]]]
) -> tuple[tuple[Outline, ...], float]:
    """Return outlines in a frame of width 1, north up, and the frame's height."""
    points = [point for image in images for point in rings[image.id]]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    scale = 1.0 / max(east - west, 1e-12)
    outlines = tuple(
        Outline(
            tuple(((x - west) * scale, (north - y) * scale) for x, y in rings[image.id]),
            quality_colour(image.best_score),
            image.name,
        )
        for image in images
    )
    return outlines, max((north - south) * scale, 1e-6)


def _image(installation: Installation, facts: Facts, entry: StoryImage) -> ImageSlide:
    image = facts.images[entry.image_id]
    found = facts.candidates.get(image.id, [])[:MOST_LAYERS]
    classes = facts.project.classes
    jpeg, size = picture_jpeg(installation, image)
    recommended = facts.recommended.get(image.id)
    layers = tuple(
        Layer(
            one.candidate.segmenter,
            mask_png(installation, one.candidate, classes, size),
            one.score,
            facts.labels.get(one.candidate.id),
            one.candidate.id == recommended,
        )
        for one in found
    )
    colours = safe_colours(classes)
    return ImageSlide(
        title=image.name,
        lead=entry.caption or _words(found, recommended is not None),
        jpeg=jpeg,
        width_px=size[0],
        height_px=size[1],
        layers=layers,
        legend=tuple((one.name, colour) for one, colour in zip(classes, colours, strict=True)),
    )


def _words(found: Sequence[ScoredCandidate], will_do: bool) -> str:
    if not found or found[0].score is None:
        return "Nothing was predicted for this image yet."
    best = found[0].score
    words = (
        f"The best candidate is predicted to be {percent(best.score)} right, between "
        f"{percent(best.low)} and {percent(best.high)}."
    )
    return words if will_do else f"{words} Probably none will do."


def _other_winners(facts: Facts) -> str:
    """Say in how many images the segmenter that is best on average is not the best."""
    scores: dict[str, list[float]] = {}
    for one in facts.every:
        if one.id in facts.scores:
            scores.setdefault(one.segmenter, []).append(facts.scores[one.id].score)
    usual = max(sorted(scores), key=lambda name: sum(scores[name]) / len(scores[name]))
    other = sum(facts.candidates[key][0].candidate.segmenter != usual for key in facts.best)
    return (
        f"{usual} is predicted to be best on average. In {other:,} of "
        f"{counted(len(facts.best), 'image')} another segmenter is."
    )


def _comparisons(facts: Facts) -> list[Slide]:
    slides: list[Slide] = []
    if facts.scores:
        slides.append(
            PlotSlide(
                "Which segmenter to take",
                _other_winners(facts),
                segmenter_figure(facts),
            )
        )
    reviewed = reviewers_figure(facts)
    if reviewed is not None:
        slides.append(
            PlotSlide(
                "What experts said",
                f"{counted(len(facts.labels), 'candidate')} got a score of an expert. On the line, "
                "both agree.",
                reviewed,
            )
        )
    history = history_figure(facts)
    if history is not None:
        slides.append(
            PlotSlide(
                "What was learnt from them",
                "Error on labels that the head had not seen: before training on the others, and "
                "after it. Lower is better.",
                history,
            )
        )
    return slides
