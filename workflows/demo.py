"""Something to review on a fresh installation: the real sample, or generated scenes offline."""

from __future__ import annotations

from dataclasses import dataclass

from db.store import candidates, projects
from rsqa_core.errors import DownloadError, NotFoundError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import Project
from workflows.opening import Installation

SAMPLE = "dubai"
GENERATED = "generated-scenes"
GENERATED_SEEDS = range(1, 25)


@dataclass(frozen=True, slots=True)
class Demo:
    """What ``prepare_demo`` made: the project and, where it is generated, why.

    ``reviewable`` says that some candidates are scored, ``complete`` that all images have some and
    all candidates are scored.
    """

    slug: str
    generated: bool
    reason: str
    reviewable: bool
    complete: bool


def find_demo(installation: Installation) -> Demo | None:
    """Return the demo project that exists, or None."""
    with installation.database.read() as session:
        for summary in projects.summaries(session):
            project = summary.project
            if project.slug in (SAMPLE, GENERATED):
                scored, made = summary.scored_candidates, summary.candidates
                each = len(candidates.segmenters(session, project.id))
                return Demo(
                    project.slug,
                    project.slug == GENERATED,
                    "",
                    reviewable=scored > 0,
                    complete=scored == made == summary.images * each > 0,
                )
    return None


def prepare_demo(
    installation: Installation,
    *,
    generated: bool = False,
    whole: bool = True,
    progress: Progress = no_progress,
) -> Demo:
    """Make the demo project, or go on with one that was begun.

    Args:
        generated: True never asks for the sample.
        whole: False makes candidates for the first scene only, enough to start reviewing.

    Never fails for want of a network: generated scenes take the place of the sample.
    """
    from workflows.scoring import score_project
    from workflows.segmenting import segment_project

    reason = "asked for"
    slug = GENERATED
    if not generated:
        try:
            slug = _import_sample(installation, progress)
            reason = ""
        except DownloadError as error:
            reason = str(error)
    if slug == GENERATED:
        _import_generated(installation, progress)
    first = None if whole or slug == GENERATED else _first_scene(installation, slug)
    segment_project(installation, slug, scene=first, progress=progress)
    score_project(installation, slug, progress=progress)
    return Demo(slug, slug == GENERATED, reason, reviewable=True, complete=first is None)


def _import_sample(installation: Installation, progress: Progress) -> str:
    from workflows.samples import import_sample

    return import_sample(installation, SAMPLE, progress=progress)


def _import_generated(installation: Installation, progress: Progress) -> Project:
    from rsqa_core.datasets.classes import DEFAULT_CLASSES
    from workflows.generating import add_generated_scenes

    with installation.database.begin() as session:
        try:
            project = projects.get(session, GENERATED)
        except NotFoundError:
            project = projects.create(
                session,
                slug=GENERATED,
                name="Generated scenes",
                classes=DEFAULT_CLASSES,
                origin="generated",
                description="Rendered aerial-like scenes with exact reference masks.",
            )
    add_generated_scenes(installation, project, list(GENERATED_SEEDS), progress=progress)
    return project


def _first_scene(installation: Installation, slug: str) -> str:
    from db.store import images

    with installation.database.read() as session:
        return images.scenes(session, projects.get(session, slug).id)[0]
