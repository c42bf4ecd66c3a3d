"""How far the error on a scene falls with 60 labels of it.

``python -m benchmarks.sixty_labels --home DIR --project dubai`` works on an installation whose
project is scored and has reference masks; give it a copy. For every scene it labels 60 candidates,
one an image and in random order as long as there are images, with the reference accuracy standing
in for the expert; the labels go through verdicts, the head is retrained by the workflow that the
app calls, and its published scores are compared with the base head's on the candidates without a
label. The verdicts are undone before the next draw. One row a scene goes to
benchmarks/results/sixty_labels.csv.
"""

from __future__ import annotations

import argparse
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.record import RESULTS, append_row
from db.store import candidates, images, reviewers, scores, verdicts
from rsqa_core.records import Candidate, Verdict, is_synthetic
from rsqa_core.settings import Settings
from workflows.opening import Installation, open_installation
from workflows.retraining import retrain_project
from workflows.scoring import current_head

LABELS = 60
REVIEWER = "reference"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--project", default="dubai")
    parser.add_argument("--draws", type=int, default=20)
    options = parser.parse_args()
    installation = open_installation(Settings(home=options.home.resolve()))
    project, head = current_head(installation, options.project)
    with installation.database.begin() as session:
        reviewers.ensure(session, REVIEWER)
    with installation.database.read() as session:
        scene_of = {i.id: i.scene for i in images.all_of(session, project.id)}
        every = [
            c
            for c in candidates.all_of(session, project.id)
            if c.overall_accuracy is not None and not is_synthetic(c.segmenter)
        ]
        base = scores.of_head(session, project.id, head.id)
    before = {candidate: score.score for candidate, score in base.items()}
    for scene in sorted(set(scene_of.values())):
        own = [c for c in every if scene_of[c.image_id] == scene]
        falls, firsts, seconds = [], [], []
        for draw in range(options.draws):
            labelled = choose(own, draw)
            ids = _record(installation, project.id, labelled)
            record = retrain_project(installation, project.slug)
            with installation.database.read() as session:
                after = scores.of_head(session, project.id, record.id)
            known = {c.id for c in labelled}
            rest = [c for c in own if c.id not in known]
            first = _mae(rest, before)
            second = _mae(rest, {candidate: score.score for candidate, score in after.items()})
            falls.append(1 - second / first)
            firsts.append(first)
            seconds.append(record.metrics["seconds"])
            _undo(installation, project.id, labelled, ids)
        print(
            f"{scene}: {len(own) - LABELS} candidates without a label, MAE {np.mean(firsts):.4f}, "
            f"falls by {np.mean(falls):.1%} (draws: {', '.join(f'{f:.0%}' for f in falls)}); "
            f"retrained in {np.mean(seconds):.1f} s"
        )
        append_row(
            RESULTS / "sixty_labels.csv",
            {"scene": scene, "head": head.id, "labels": LABELS, "draws": options.draws},
            {
                "rest": len(own) - LABELS,
                "mae_before": round(float(np.mean(firsts)), 4),
                "fall_mean": round(float(np.mean(falls)), 4),
                "fall_min": round(float(np.min(falls)), 4),
                "fall_max": round(float(np.max(falls)), 4),
            },
        )


def choose(own: Sequence[Candidate], seed: int) -> list[Candidate]:
    """Return LABELS candidates: a random one of each image in random order, then again."""
    rng = np.random.default_rng(seed)
    left: dict[int, list[Candidate]] = {}
    for candidate in own:
        left.setdefault(candidate.image_id, []).append(candidate)
    order = rng.permutation(sorted(left))
    chosen: list[Candidate] = []
    while len(chosen) < LABELS:
        for image in order:
            if left[int(image)] and len(chosen) < LABELS:
                chosen.append(left[int(image)].pop(int(rng.integers(len(left[int(image)])))))
    return chosen


def _record(
    installation: Installation, project_id: int, labelled: Sequence[Candidate]
) -> list[str]:
    ids = []
    with installation.database.begin() as session:
        for candidate in labelled:
            row, _ = verdicts.record(
                session,
                Verdict(
                    id=str(uuid.uuid4()),
                    project_id=project_id,
                    image_id=candidate.image_id,
                    reviewer=REVIEWER,
                    kind="correct",
                    candidate_id=candidate.id,
                    score=candidate.overall_accuracy,
                ),
            )
            ids.append(row.id)
    return ids


def _undo(
    installation: Installation, project_id: int, labelled: Sequence[Candidate], ids: Sequence[str]
) -> None:
    with installation.database.begin() as session:
        for candidate, taken_back in zip(labelled, ids, strict=True):
            verdicts.record(
                session,
                Verdict(
                    id=str(uuid.uuid4()),
                    project_id=project_id,
                    image_id=candidate.image_id,
                    reviewer=REVIEWER,
                    kind="undo",
                    supersedes_id=taken_back,
                ),
            )


def _mae(rest: Sequence[Candidate], predicted: dict[int, float]) -> float:
    errors = [
        abs(predicted[c.id] - c.overall_accuracy) for c in rest if c.overall_accuracy is not None
    ]
    return float(np.mean(errors))


if __name__ == "__main__":
    main()
