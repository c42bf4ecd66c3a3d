"""Train a new head from the reviewers' verdicts; promoting it is a person's decision."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from db.store import candidates as candidate_store
from db.store import heads as head_store
from db.store import images as image_store
from db.store import verdicts
from rsqa_core.errors import ConflictError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.records import HeadRecord, Project, is_synthetic
from workflows.choosing import refresh_informative
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.opening import Installation
from workflows.scoring import (
    current_head,
    groups_of,
    load_project_head,
    publish_scores,
    register_shipped_head,
)

if TYPE_CHECKING:
    from rsqa_core.training.adaptation import Adaptation, Labels

Rows = NDArray[np.int64]

_POINTS_KEPT = 2000
"""Labels that the record of a head has with what was predicted of them, for a plot."""


def retrain_project(
    installation: Installation, slug: str, *, progress: Progress = no_progress
) -> HeadRecord:
    """Train a head on the labels that hold, score every candidate with it, and record both.

    The head is not promoted. ``metrics["held_out"]`` compares it with the current one on labels
    that it had not seen (see ``Adaptation``).

    Raises:
        InvalidInputError: too few labels.
        ConflictError: the base head takes another encoder than the current head.
    """
    from rsqa_core.training.adaptation import adapt

    began = time.perf_counter()
    project, current_record = current_head(installation, slug)
    base_record = register_shipped_head(installation)
    if current_record.encoder_fingerprint != base_record.encoder_fingerprint:
        raise ConflictError(
            f"The current head {current_record.id} takes another encoder than the shipped base "
            "head. Train a base head on that encoder first: rsqa train-head --encoder NAME."
        )
    base = load_project_head(installation, base_record)
    current = base
    if current_record.id != base_record.id:
        current = load_project_head(installation, current_record)
    encoder = (base.card.encoder_name, base.card.encoder_fingerprint)
    with installation.database.read() as session:
        groups = groups_of(
            image_store.all_of(session, project.id), candidate_store.all_of(session, project.id)
        )
        labels = verdicts.labels(session, project.id)
        doubts = verdicts.label_doubts(session, project.id)
    described = describe_candidates(installation, project, groups, encoder, progress=progress)
    said = base.network_says(described.inputs, described.places)
    rows = labelled_rows(described, labels)
    learnt = labelled(described, rows, labels, doubts)
    adaptation = adapt(current, base, learnt, said[rows], progress=progress)
    metrics = _metrics(adaptation) | {"seconds": round(time.perf_counter() - began, 2)}
    record = _record(installation, project, current_record, adaptation, metrics)
    progress("scoring with the new head", 0, 1)
    head = adaptation.head
    fingerprint = head.card.encoder_fingerprint
    prediction = head.predict(described.inputs, described.places, fingerprint, said)
    publish_scores(installation, project, record.id, head, described, prediction)
    refresh_informative(
        installation, project, record.id, head, (described, prediction), progress=progress
    )
    progress("scoring with the new head", 1, 1)
    return record


def labelled_rows(described: DescribedCandidates, labels: Mapping[int, float]) -> Rows:
    """Return the places of the candidates that have a label.

    Synthetic ones are left out: the held-out figures come from these labels.

    Args:
        labels: by candidate id.
    """
    return np.array(
        [
            row
            for row, candidate in enumerate(described.candidates)
            if candidate.id in labels and not is_synthetic(candidate.segmenter)
        ],
        dtype=np.int64,
    )


def labelled(
    described: DescribedCandidates,
    rows: Rows,
    labels: Mapping[int, float],
    doubts: Mapping[int, float],
) -> Labels:
    """Return labelled candidates with their label as target.

    Args:
        rows: their places.
        labels: by candidate id.
        doubts: standard errors of some of them; the larger, the less a label counts.
    """
    from rsqa_core.training.adaptation import Labels

    return Labels(
        inputs=described.inputs.only(rows),
        places=described.places.only(rows),
        targets=np.array([labels[described.candidates[row].id] for row in rows], dtype=np.float64),
        noise=np.array([doubts.get(described.candidates[row].id, 0.0) for row in rows]),
    )


def _metrics(adaptation: Adaptation) -> dict[str, Any]:
    from rsqa_core.heads.card import RISK

    return {
        "best_margin": adaptation.head.card.best_margin,
        "best_risk": RISK,
        "held_out": {
            "before": asdict(adaptation.before),
            "after": asdict(adaptation.after),
            "interval": list(adaptation.interval),
            "method": "cross-validated by image on the reviewers' labels",
        },
        "held_out_points": np.stack(
            [adaptation.labels, adaptation.predicted_before, adaptation.predicted_after], axis=1
        )[:_POINTS_KEPT]
        .round(4)
        .tolist(),
    }


def _record(
    installation: Installation,
    project: Project,
    parent: HeadRecord,
    adaptation: Adaptation,
    metrics: dict[str, Any],
) -> HeadRecord:
    with installation.database.read() as session:
        own = [h for h in head_store.of_project(session, project.id) if h.project_id is not None]
    head_id = f"{project.slug}-{len(own) + 1}"
    digest = adaptation.head.save(installation.settings.heads_dir / f"{head_id}.safetensors")
    record = HeadRecord(
        id=head_id,
        project_id=project.id,
        parent_id=parent.id,
        path=f"{head_id}.safetensors",
        sha256=digest,
        encoder_fingerprint=adaptation.head.card.encoder_fingerprint,
        label_count=len(adaptation.labels),
        metrics=metrics,
        created_at=dt.datetime.now(dt.UTC),
    )
    with installation.database.begin() as session:
        head_store.add(session, record)
    return record
