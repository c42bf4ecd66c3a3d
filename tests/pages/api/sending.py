"""Verdicts as the canvas sends them."""

from __future__ import annotations

import uuid
from typing import Any

from starlette.testclient import TestClient

from pages.api import API_ROOT
from rsqa_core.records import Candidate


def confirm(candidate: Candidate, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "image_id": candidate.image_id,
        "candidate_id": candidate.id,
        "kind": "confirm",
        "score": 0.75,
        "head_id": "base",
        "score_shown": 0.75,
        "time_spent_s": 1.5,
        "mask_sha256": candidate.mask_sha256,
        **changes,
    }


def post(client: TestClient, headers: dict[str, str], *entries: Any) -> Any:
    return client.post(f"{API_ROOT}/verdicts", json={"verdicts": list(entries)}, headers=headers)
