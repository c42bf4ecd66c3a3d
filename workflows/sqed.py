"""Build an evaluation data set: candidates of many segmenters, none of which saw its image.

The recipe is that of RS-SQED, with the network of every candidate trained on other scenes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from db.store import images as image_store
from db.store import projects
from rsqa_core.errors import InvalidInputError
from rsqa_core.metrics import BOUNDARY_TOLERANCE_PX
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import ImageRecord
from workflows.opening import Installation
from workflows.segmenting import segment_project
from workflows.sqed_card import FoldSummary, write_sqed_card
from workflows.sqed_folds import Fold, folds_of, given_folds
from workflows.sqed_networks import (
    FoldSegmenters,
    FoldTraining,
    all_segmenter_names,
    descriptions,
    needing_encoder,
    refuse_seen,
    require_known,
)
from workflows.sqed_rows import TABLE_NAME, SqedRow, measured_rows, write_rows


@dataclass(frozen=True, slots=True)
class SqedOptions:
    """What to build.

    Attributes:
        folds: number of folds of each project.
        given: folds written as ``[PROJECT:]SCENE,SCENE``, in place of ``folds``.
        segmenters: names; empty takes all that can be had.
        training: how the segmenters of a fold come about.
        tolerance_px: of the boundary F1.
        licences: licence of the imagery by project, for the card.
    """

    folds: int = 2
    given: tuple[str, ...] = ()
    segmenters: tuple[str, ...] = ()
    training: FoldTraining = field(default_factory=FoldTraining)
    tolerance_px: float = BOUNDARY_TOLERANCE_PX
    licences: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SqedReport:
    """What ``build_sqed`` did: rows of the table, candidates and networks that are new."""

    candidates: int
    made: int
    trained: int
    table: Path
    card: Path


def build_sqed(
    installation: Installation,
    slugs: Sequence[str],
    out: Path,
    options: SqedOptions | None = None,
    *,
    progress: Progress = no_progress,
) -> SqedReport:
    """Give every image with a reference a candidate of every segmenter, cross-fitted by scene.

    Networks, candidates and their features are kept as they are finished, so a stopped build goes
    on from there. Table and card are written at the end.

    Args:
        slugs: projects with reference masks.
        out: folder of the table and the card; measures of an earlier table there are reused.

    Raises:
        NotFoundError: no such project or segmenter.
        InvalidInputError: folds that do not fit, a project without reference masks, or a segmenter
            that saw an image it would segment.
    """
    chosen = options or SqedOptions()
    names = list(chosen.segmenters or all_segmenter_names())
    require_known(names)
    given = given_folds(chosen.given, slugs)
    images = {slug: _with_reference(installation, slug) for slug in slugs}
    folds = [
        fold
        for slug in slugs
        for fold in folds_of(slug, _by_scene(images[slug]), chosen.folds, given.get(slug, ()))
    ]
    source = FoldSegmenters(installation, chosen.training)
    share = _Share(source, folds, names, images, progress)
    made = trained = 0
    rows: list[SqedRow] = []
    summaries: list[FoldSummary] = []
    for fold in folds:
        own = [image for image in images[fold.slug] if image.scene in fold.held_out]
        fingerprints: dict[str, str] = {}
        for name in names:
            steps = source.steps_to_train(fold, name)
            segmenter = source.segmenter(fold, name, share.part(fold, name))
            trained += steps > 0
            share.advance(steps)
            refuse_seen(segmenter, own)
            for scene in fold.held_out:
                report = segment_project(
                    installation,
                    fold.slug,
                    scene=scene,
                    segmenters=[segmenter],
                    progress=share.part(fold, name),
                )
                made += report.made
                share.advance(sum(image.scene == scene for image in own))
            fingerprints[name] = segmenter.fingerprint
        summaries.append(source.summary(fold, names))
        encoder = summaries[-1].encoder
        rows += measured_rows(
            installation,
            fold,
            own,
            fingerprints,
            {name: encoder[1] for name in needing_encoder(names) if encoder is not None},
            tolerance_px=chosen.tolerance_px,
            known=out / TABLE_NAME,
            progress=share.part(fold, "all"),
        )
        share.advance(len(own))
    table = write_rows(out, rows, chosen.tolerance_px)
    card = write_sqed_card(
        out, rows, summaries, descriptions(names), chosen.tolerance_px, chosen.licences
    )
    return SqedReport(len(rows), made, trained, table, card)


class _Share:
    """Turns the progress of each part into that of the whole build.

    A training step, an image to segment and an image to measure count as one unit each.
    """

    def __init__(
        self,
        source: FoldSegmenters,
        folds: Sequence[Fold],
        names: Sequence[str],
        images: Mapping[str, Sequence[ImageRecord]],
        progress: Progress,
    ) -> None:
        self._progress = progress
        self._done = 0
        self._total = sum(
            sum(source.steps_to_train(fold, name) for name in names)
            + sum(image.scene in fold.held_out for image in images[fold.slug]) * (len(names) + 1)
            for fold in folds
        )

    def advance(self, units: int) -> None:
        self._done += units

    def part(self, fold: Fold, name: str) -> Progress:
        """Return the progress of one part, which starts at what is done so far."""

        def report(step: str, done: int, total: int) -> None:
            units = min(self._done + done, self._total)
            self._progress(f"building ({fold.slug}/{fold.name} {name}: {step})", units, self._total)

        return report


def _with_reference(installation: Installation, slug: str) -> list[ImageRecord]:
    with installation.database.read() as session:
        found = image_store.all_of(session, projects.get(session, slug).id)
    images = [image for image in found if image.reference_mask_path is not None]
    if not images:
        raise InvalidInputError(
            f"Project {slug!r} has no image with a reference mask. Import it with masks/ first: "
            f"rsqa import PATH --project {slug}."
        )
    return images


def _by_scene(images: Sequence[ImageRecord]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for image in images:
        counts[image.scene] = counts.get(image.scene, 0) + 1
    return counts
