"""What to do next in a project: the one primary button of its card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pages.components.texts import counted
from rsqa_core.records import ProjectSummary

MINIMUM_LABELS = 8
"""As rsqa_core.training.adaptation has it, which loads torch: fewer leave nothing to hold out."""
RECOMMENDED_LABELS = 60
"""So many labelled candidates bring a clear gain on a scene that the head never saw."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step: its button, why it comes now, and the job or the page behind it."""

    label: str
    reason: str
    kind: Literal["job", "page"]
    target: str
    icon: str


def next_step(summary: ProjectSummary, labels_in_head: int = 0, *, busy: bool = False) -> NextStep:
    """Return the step that a project needs now.

    Args:
        labels_in_head: labels that the current head was trained on in this project.
        busy: a job runs; what is scored already can be reviewed meanwhile.
    """
    new_labels = summary.labels - labels_in_head
    if busy and summary.scored_candidates > 0 and summary.open_images > 0:
        return NextStep(
            "Review",
            f"{counted(summary.scored_candidates, 'candidate')} scored so far; more are coming.",
            "page",
            "review",
            ":material/rate_review:",
        )
    if summary.images == 0:
        return NextStep(
            "Import images",
            "The project has no images yet.",
            "page",
            "import_images",
            ":material/add_photo_alternate:",
        )
    if summary.candidates == 0:
        return NextStep(
            "Make candidates",
            "Every image needs candidate masks to compare.",
            "job",
            "segment",
            ":material/layers:",
        )
    if summary.scored_candidates < summary.candidates:
        missing = summary.candidates - summary.scored_candidates
        return NextStep(
            "Score candidates",
            f"{counted(missing, 'candidate')} without a predicted quality.",
            "job",
            "score",
            ":material/speed:",
        )
    enough = new_labels >= RECOMMENDED_LABELS
    last_chance = summary.open_images == 0 and new_labels >= MINIMUM_LABELS
    if enough or last_chance:
        return NextStep(
            "Train",
            f"{counted(new_labels, 'new label')} can improve the prediction.",
            "page",
            "train",
            ":material/model_training:",
        )
    if summary.open_images > 0:
        return NextStep(
            "Review",
            f"{counted(summary.open_images, 'image')} to review, the most informative first.",
            "page",
            "review",
            ":material/rate_review:",
        )
    return NextStep(
        "Open the queue",
        "Every image is reviewed. Look at the results, or import more images.",
        "page",
        "queue",
        ":material/view_list:",
    )
