"""Why a candidate has its score: shares, a map that is itself checked, labelled examples."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.store import candidates as candidate_store
from db.store import images as image_store
from db.store import projects
from db.store import scores as score_store
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.files import write_atomically
from rsqa_core.raster import read_mask
from rsqa_core.records import EXPLAIN_METHODS, Candidate, Project, Score, is_synthetic
from rsqa_core.settings import Settings
from workflows.describing import DescribedCandidates, describe_candidates
from workflows.error_images import error_image_key
from workflows.labelled_examples import LabelledExample, nearest_labelled
from workflows.opening import Installation
from workflows.scoring import kept_head

if TYPE_CHECKING:
    from rsqa_core.heads.head import QualityHead

STALE = 0.005
"""How far a score may lie from the recorded one: cached tokens are rounded, and no more."""
SHARES_SHOWN = (0.1, 0.25, 0.5)
"""Shares of the cells after which a fall is stated."""
FORM = 1
"""Raised when an explanation's content changes: cached ones of another form are not used."""


def explain_candidate(
    installation: Installation, candidate_id: int, method: str = EXPLAIN_METHODS[0]
) -> dict[str, Any]:
    """Return why a candidate has its score, as JSON takes it.

    Loads the head: for the process that holds models. What depends on the candidate, the head and
    the method alone is kept in a file; labelled examples are looked for every time, as every
    verdict may change them.

    Returns:
        ``score``, ``base`` and the values of ``shares`` (a list of ``key`` and ``value``) in units
        of quality; ``cells``, a list of CELL_SIDE squared, what each cell adds; ``deletion`` with
        ``by_map``, ``by_chance``, ``chance_low``, ``chance_high`` (falls after 0, 1, … cells),
        ``falls`` (``share``, ``by_map``, ``by_chance`` after SHARES_SHOWN) and ``faithfulness``
        (see ``rsqa_core.heads.deletion``); ``examples``; and what it is about: ``candidate_id``,
        ``segmenter``, ``image``, ``head_id``, ``method``.

    Raises:
        NotFoundError: no such candidate.
        InvalidInputError: there is no such method, or the candidate has no score yet.
        ConflictError: the image's candidates changed since they were scored.
        FingerprintError: the encoder is another one than the head's.
    """
    if method not in EXPLAIN_METHODS:
        raise InvalidInputError(
            f"Expected the method to be one of {', '.join(EXPLAIN_METHODS)}, but got {method!r}."
        )
    with installation.database.read() as session:
        candidate = candidate_store.get(session, candidate_id)
        image = image_store.get(session, candidate.image_id)
        project = projects.get_by_id(session, image.project_id)
        found = candidate_store.of_images(session, [image.id])[image.id]
        head_id = project.active_head_id or ""
        score = score_store.of_candidates(session, head_id, [candidate.id]).get(candidate.id)
    if score is None:
        raise InvalidInputError(
            f"The candidate {candidate.segmenter!r} of image {image.name!r} has no score by the "
            "project's current head, so there is nothing to explain. Score the project first: "
            f"rsqa score --project {project.slug}."
        )
    head = kept_head(installation, head_id)
    encoder = (head.card.encoder_name, head.card.encoder_fingerprint)
    described = describe_candidates(installation, project, [(image, found)], encoder)
    row = [one.id for one in described.candidates].index(candidate.id)
    path = explanation_path(installation.settings, candidate, score, method)
    try:
        explained: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):  # a damaged file is made again
        explained = _explained(installation, project, head, described, row, score, method)
        write_atomically(path, json.dumps(explained).encode())
    examples = nearest_labelled(installation, project, head, described, row)
    about = {
        "candidate_id": candidate.id,
        "segmenter": candidate.segmenter,
        "image": image.name,
        "head_id": head_id,
        "method": method,
    }
    return about | explained | {"examples": [_example_json(one) for one in examples]}


def find_candidate(
    installation: Installation, slug: str, image_name: str, segmenter: str | None = None
) -> Candidate:
    """Return an image's candidate by names; without a segmenter the one with the best score.

    Raises:
        NotFoundError: no such project, image or segmenter.
        InvalidInputError: no segmenter is named and the image has no scores by the current head.
    """
    with installation.database.read() as session:
        project = projects.get(session, slug)
        every = {image.name: image.id for image in image_store.all_of(session, project.id)}
        if image_name not in every:
            close = difflib.get_close_matches(image_name, every, n=1)
            raise NotFoundError(
                f"Project {slug!r} has no image called {image_name!r}. "
                + (f"Did you mean {close[0]!r}?" if close else "The Queue page lists them all.")
            )
        found = candidate_store.of_images(session, [every[image_name]])[every[image_name]]
        head_id = project.active_head_id or ""
        scores = score_store.of_candidates(session, head_id, [one.id for one in found])
    if segmenter is not None:
        named = {one.segmenter: one for one in found}
        if segmenter not in named:
            raise NotFoundError.named("segmenter", segmenter, named)
        return named[segmenter]
    rated = [one for one in found if one.id in scores and not is_synthetic(one.segmenter)]
    if not rated:
        raise InvalidInputError(
            f"The image {image_name!r} has no scored candidates. Score the project first: rsqa "
            f"score --project {slug}."
        )
    return max(rated, key=lambda one: (scores[one.id].score, -one.id))


def explanation_path(settings: Settings, candidate: Candidate, score: Score, method: str) -> Path:
    """Return where an explanation lies once it is made; it follows from what the name says."""
    name = f"{candidate.mask_sha256[:32]}-{candidate.id}-{error_image_key(score)}-{method}-{FORM}"
    return settings.explanations_dir / name[:2] / f"{name}.json"


def _explained(
    installation: Installation,
    project: Project,
    head: QualityHead,
    described: DescribedCandidates,
    row: int,
    recorded: Score,
    method: str,
) -> dict[str, Any]:
    from rsqa_core.heads.cell_maps import map_cells, regions_of
    from rsqa_core.heads.deletion import delete_cells
    from rsqa_core.heads.explaining import Evidence

    fingerprint = head.card.encoder_fingerprint
    evidence = Evidence(head, described.inputs, described.places, row, fingerprint)
    candidate = described.candidates[row]
    if abs(evidence.score - recorded.score) > STALE:
        raise ConflictError(
            f"The candidate {candidate.segmenter!r} was scored {recorded.score:.3f}, but today the "
            f"head says {evidence.score:.3f}: the image's candidates changed since. Score the "
            f"project again: rsqa score --project {project.slug}."
        )
    shares = evidence.shares()
    mask = read_mask(installation.files.path(candidate.mask_path))
    cells = map_cells(evidence, method, regions_of(mask, len(project.classes)))
    deletion = delete_cells(cells, evidence.cell_effects())
    curves = ("by_map", "by_chance", "chance_low", "chance_high")
    return {
        "score": round(shares.score, 6),
        "base": round(shares.base, 6),
        "shares": [{"key": key, "value": round(v, 6)} for key, v in shares.added.items()],
        "cells": [round(float(value), 6) for value in cells],
        "deletion": {
            **{name: [round(float(v), 6) for v in getattr(deletion, name)] for name in curves},
            "falls": [
                {"share": share, "by_map": round(by_map, 6), "by_chance": round(by_chance, 6)}
                for share in SHARES_SHOWN
                for by_map, by_chance in [deletion.after(share)]
            ],
            "faithfulness": deletion.faithfulness and round(deletion.faithfulness, 4),
        },
    }


def _example_json(example: LabelledExample) -> dict[str, Any]:
    return {
        "image_id": example.image.id,
        "image": example.image.name,
        "candidate_id": example.candidate.id,
        "segmenter": example.candidate.segmenter,
        "label": example.label,
        "likeness": round(example.likeness, 4),
    }
