"""The sections of a report that tell of a project what its database holds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import rsqa_core
from rsqa_core.datasets.safe_colours import safe_colours
from rsqa_core.evaluation.areas import Measured
from rsqa_core.records import Candidate, HeadRecord, Score
from workflows.opening import Installation
from workflows.recommending import interval_coverage
from workflows.reports import plots
from workflows.reports.blocks import (
    Block,
    Figure,
    Gallery,
    Legend,
    Picture,
    Section,
    Table,
    Text,
    counted,
)
from workflows.reports.facts import Facts
from workflows.reports.pictures import masked_picture, plain_picture
from workflows.slices import shown, slice_results
from workflows.surveys import area_text, percent_text, survey_results

EXAMPLES = 3


def overview(facts: Facts) -> Section:
    """Say what the project holds and how far its review has come."""
    status = Counter(image.status for image in facts.images.values())
    sources = {image.source_sha256 for image in facts.images.values()}
    kinds = Counter(verdict.kind for verdict in facts.verdicts)
    reviewers = sorted({verdict.reviewer for verdict in facts.given})
    rows = [
        ("Images", f"{len(facts.images):,} of {counted(len(sources), 'source file')}"),
        ("Scenes", f"{len({image.scene for image in facts.images.values()}):,}"),
        ("Classes", ", ".join(entry.name for entry in facts.project.classes)),
        (
            "Candidates",
            f"{len(facts.every):,} of {counted(len(facts.segmenters), 'segmenter')}, "
            f"{len(facts.scores):,} scored",
        ),
        ("Reviewed", f"{len(facts.images) - status['open']:,} of {len(facts.images):,} images"),
        (
            "Labels",
            f"{len(facts.labels):,}: {kinds['confirm']:,} confirmed, "
            f"{kinds['correct']:,} corrected",
        ),
        ("Reviewers", ", ".join(reviewers) or "none yet"),
        ("Head", _head_text(facts)),
        ("RSQA", rsqa_core.__version__),
    ]
    blocks: list[Block] = []
    if facts.project.origin == "generated":
        blocks.append(Text("The images are rendered by a program, not taken from the air."))
    if facts.project.description:
        blocks.append(Text(facts.project.description))
    blocks.append(Table(("", ""), tuple(rows), numbers_from=2))
    return Section("Overview", tuple(blocks))


def predicted(facts: Facts) -> Section:
    """Rank images and segmenters by predicted quality."""
    if not facts.scores:
        return Section("Predicted quality", (Text("No candidate has a score yet."),))
    by_segmenter = _by(facts.every, lambda one: one.segmenter)
    chosen = Counter(facts.recommended.values())
    accuracy = facts.known_accuracy()
    rows = []
    for name, found in by_segmenter.items():
        scores = [facts.scores[one.id].score for one in found if one.id in facts.scores]
        rows.append(
            (
                np.mean(scores) if scores else -1.0,
                (
                    name,
                    f"{len(found):,}",
                    _percent(scores),
                    f"{sum(chosen[one.id] for one in found):,}",
                    _percent([facts.labels[one.id] for one in found if one.id in facts.labels]),
                    _percent([accuracy[one.id] for one in found if one.id in accuracy]),
                ),
            )
        )
    rows.sort(key=lambda entry: -entry[0])
    return Section(
        "Predicted quality",
        (
            Text(
                "Predicted quality is the expected share of rightly classified pixels, from "
                f"0 to 100 %. {_recommended_text(facts)}"
            ),
            ranking_figure(facts),
            Table(
                ("Segmenter", "Candidates", "Predicted", "Recommended", "Reviewers", "Measured"),
                tuple(row for _, row in rows),
            ),
            Text(
                "Predicted, reviewers' and measured quality are means, in per cent, over those "
                "candidates that have one; measured is on reference masks.",
                quiet=True,
            ),
            segmenter_figure(facts),
        ),
    )


def ranking_figure(facts: Facts) -> Figure:
    """Draw the images by the predicted quality of their best candidate; some must have a score."""
    ranked = sorted(facts.best.items(), key=lambda entry: (entry[1].score, entry[0]))
    best, low, high = (
        np.array([getattr(score, name) for _, score in ranked]) for name in ("score", "low", "high")
    )
    labelled = np.array([facts.labels.get(score.candidate_id, np.nan) for _, score in ranked])
    stated = interval_coverage(facts.head.metrics) if facts.head else 0.9
    return Figure(
        plots.ranking(best, low, high, labelled, stated),
        "Images by the predicted quality of their best candidate.",
    )


def segmenter_figure(facts: Facts) -> Figure:
    """Draw how good each segmenter's candidates are predicted to be; some must have a score."""
    drawn = {
        name: np.array([facts.scores[one.id].score for one in found if one.id in facts.scores])
        for name, found in _by(facts.every, lambda one: one.segmenter).items()
    }
    shown = sorted((n for n, v in drawn.items() if len(v)), key=lambda n: float(drawn[n].mean()))
    return Figure(
        plots.by_segmenter(shown, [drawn[name] for name in shown]),
        "Predicted quality by segmenter.",
    )


def random_slices(installation: Installation, facts: Facts) -> list[Section]:
    """Say what decisions on random slices tell of all images; no section without a slice."""
    results = slice_results(installation, facts.project, facts.verdicts)
    if not results:
        return []
    rows = tuple(
        (
            one.slice.name,
            f"{one.decided:,} of {one.slice.size:,}",
            f"{one.slice.population:,}",
            shown(one.acceptable),
            shown(one.accuracy),
            shown(one.error),
        )
        for one in results
    )
    header = ("Slice", "Decided", "Stands for", "Acceptable", "Accuracy", "Head's error")
    blocks: list[Block] = [
        Table(header, rows),
        Text(
            "In points of 100 with 95 % intervals, for all images that the project had when the "
            "slice was drawn at random: the share with an acceptable candidate, the mean of the "
            "reviewers' scores of the best one, and the mean error of what the head had said.",
            quiet=True,
        ),
    ]
    return [Section("Random slices", tuple(blocks))]


def areas(installation: Installation, facts: Facts) -> list[Section]:
    """Say what the newest survey with an estimate says of areas and accuracy; else no section."""
    found = survey_results(installation, facts.project)
    result = next((one for one in found if one.estimate is not None), None)
    if result is None or result.estimate is None:
        return []
    estimate, unit = result.estimate, result.survey.unit
    names = [entry.name for entry in facts.project.classes]
    rows = [
        (
            name,
            area_text(Measured(estimate.mapped[k], 0.0), unit),
            area_text(estimate.areas[k], unit),
            percent_text(estimate.users[k]),
            percent_text(estimate.producers[k]),
        )
        for k, name in enumerate(names)
    ]
    matrix = [
        (name, *(f"{count:,}" for count in line), f"{sum(line):,}")
        for name, line in zip(names, estimate.counts.tolist(), strict=True)
    ]
    blocks: list[Block] = [
        Text(
            f"Overall accuracy {percent_text(estimate.overall)}, from "
            f"{counted(result.answered - result.unsure, 'point')} of the survey "
            f"{result.survey.name!r}, drawn by class of the map from "
            f"{counted(result.survey.images, 'image')}."
        ),
        Table(
            ("Class", "Mapped", "Estimated", "User's accuracy", "Producer's accuracy"), tuple(rows)
        ),
        Table(("Points", *names, "all"), tuple(matrix)),
        Text(
            "Estimates with 95 % intervals (Olofsson et al. 2014). The matrix counts points: what "
            "the map says by row, what was looked up by column. "
            f"{counted(result.unsure, 'point')} of which nobody could tell: left out.",
            quiet=True,
        ),
    ]
    return [Section("Areas", tuple(blocks))]


def examples(installation: Installation, facts: Facts) -> Section:
    """Show the best, the worst and the most disputed images with their best candidate."""
    ranked = sorted(facts.best, key=lambda image_id: (facts.best[image_id].score, image_id))
    disputed = sorted(
        (i for i in facts.best if facts.images[i].disagreement is not None),
        key=lambda image_id: -float(facts.images[image_id].disagreement or 0.0),
    )
    blocks: list[Block] = []
    for title, chosen in (
        ("Highest predicted quality", ranked[::-1]),
        ("Lowest predicted quality", ranked),
        ("Most disputed among the segmenters", disputed),
    ):
        pictures = [
            picture
            for image_id in _of_different_sources(facts, chosen)
            for picture in _pair(installation, facts, image_id)
        ]
        if pictures:
            blocks += [Text(f"{title}:"), Gallery(tuple(pictures), 2 * EXAMPLES)]
    if not blocks:
        return Section("Images", (Text("No image has a scored candidate yet."),))
    classes = facts.project.classes
    names = (entry.name for entry in classes)
    blocks.append(Legend(tuple(zip(names, safe_colours(classes), strict=True))))
    return Section("Images", tuple(blocks))


def models(facts: Facts) -> Section:
    """Tell which heads were trained, what each changed on held-out labels, and which were used."""
    own = [head for head in reversed(facts.heads) if head.project_id is not None]
    used = {promotion.head_id for promotion in facts.promotions}
    rows = []
    for head in [
        *[h for h in reversed(facts.heads) if h.project_id is None and h.id in used],
        *own,
    ]:
        before, after = _held_out_errors(head)
        interval = (head.metrics.get("held_out") or {}).get("interval")
        rows.append(
            (
                head.id,
                head.created_at.strftime("%Y-%m-%d %H:%M"),
                f"{head.label_count:,}" if head.project_id is not None else "–",
                "–" if before is None else f"{before:.3f}",
                "–" if after is None else f"{after:.3f}",
                "–" if not interval else f"{interval[0]:+.3f} to {interval[1]:+.3f}",
                "current"
                if facts.head is not None and head.id == facts.head.id
                else "earlier"
                if head.id in used
                else "",
            )
        )
    if not rows:
        return Section("Models", (Text("Nothing was scored yet, so no head was used."),))
    blocks: list[Block] = [
        Table(("Head", "Made (UTC)", "Labels", "Before", "After", "Change", "Used"), tuple(rows))
    ]
    figure = history_figure(facts)
    if figure is not None:
        blocks += [
            Text(
                "Before and after are the mean absolute errors on held-out labels of the head that "
                "was current when this one was trained, and of this one; change is its 95 % "
                "interval, below zero is better.",
                quiet=True,
            ),
            figure,
        ]
    return Section("Models", tuple(blocks))


def history_figure(facts: Facts) -> Figure | None:
    """Draw the held-out errors of the project's heads; None where none was measured."""
    points = []
    for head in reversed(facts.heads):
        before, after = _held_out_errors(head)
        if head.project_id is not None and before is not None and after is not None:
            points.append((head.id, before, after))
    if not points:
        return None
    names, before_all, after_all = zip(*points, strict=True)
    return Figure(
        plots.history(names, np.array(before_all), np.array(after_all)),
        "Error on held-out labels, head by head.",
    )


def _held_out_errors(head: HeadRecord) -> tuple[float | None, float | None]:
    """Return the held-out errors of the head before this one, and of this one."""
    held_out: Mapping[str, Any] = head.metrics.get("held_out") or {}
    before, after = (_number((held_out.get(side) or {}).get("mae")) for side in ("before", "after"))
    return before, after


def _of_different_sources(facts: Facts, ranked: Sequence[int]) -> list[int]:
    """Return the first EXAMPLES images, no two of one source: neighbours say the same."""
    first: dict[str, int] = {}
    for image_id in ranked:
        first.setdefault(facts.images[image_id].source_sha256, image_id)
    return list(first.values())[:EXAMPLES]


def _pair(installation: Installation, facts: Facts, image_id: int) -> list[Picture]:
    image, best = facts.images[image_id], facts.candidates[image_id][0]
    score = facts.best[image_id]
    return [
        plain_picture(installation, image, image.name),
        masked_picture(
            installation,
            image,
            best.candidate,
            facts.project.classes,
            f"{_score_text(score)} · {best.candidate.segmenter}",
        ),
    ]


def _by(
    candidates: Sequence[Candidate], key: Callable[[Candidate], str]
) -> dict[str, list[Candidate]]:
    groups: dict[str, list[Candidate]] = defaultdict(list)
    for one in candidates:
        groups[key(one)].append(one)
    return groups


def _recommended_text(facts: Facts) -> str:
    scored, chosen = len(facts.best), len(facts.recommended)
    if chosen == scored:
        return f"A candidate is recommended in each of {counted(scored, 'scored image')}."
    return (
        f"A candidate is recommended in {chosen:,} of {counted(scored, 'scored image')}; in the "
        "others probably none will do."
    )


def _head_text(facts: Facts) -> str:
    return "none yet" if facts.head is None else facts.head.id


def _score_text(score: Score) -> str:
    return f"{100 * score.score:.0f} % ({100 * score.low:.0f} to {100 * score.high:.0f})"


def _percent(values: Sequence[float]) -> str:
    return f"{100 * float(np.mean(values)):.0f}" if values else "–"


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
    return float(value) if known else None  # type: ignore[arg-type]
