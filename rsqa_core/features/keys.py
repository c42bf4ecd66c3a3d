"""Under which names feature rows are cached: content first, then the model that saw it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from rsqa_core.features.names import VERSION
from rsqa_core.features.store import FeatureStore


def semantic_features(root: Path, encoder_fingerprint: str) -> FeatureStore:
    """Semantic vectors by image sha256."""
    return FeatureStore(root, f"semantic-v{VERSION}", encoder_fingerprint)


def token_features(root: Path, encoder_fingerprint: str) -> FeatureStore:
    """Spatial tokens by image sha256, flattened."""
    return FeatureStore(root, f"tokens-v{VERSION}", encoder_fingerprint)


def soft_features(root: Path, segmenter_fingerprint: str | None, class_count: int) -> FeatureStore:
    """Class probabilities on the grid by ``candidate_key``, flattened; None for imported masks."""
    kind = f"soft{class_count}-v{VERSION}"
    return FeatureStore(root, kind, segmenter_fingerprint or "imported")


def context_features(root: Path, encoder_fingerprint: str) -> FeatureStore:
    """Packed ContextSides by ``context_key``."""
    return FeatureStore(root, f"context-v{VERSION}", encoder_fingerprint)


def segmenter_features(root: Path, segmenter_fingerprint: str | None) -> FeatureStore:
    """Packed SegmenterSides by ``candidate_key``; None for imported masks."""
    return FeatureStore(root, f"segmenter-v{VERSION}", segmenter_fingerprint or "imported")


def candidate_key(image_sha256: str, mask_sha256: str) -> str:
    """Name a candidate by its image and mask."""
    return f"{image_sha256[:32]}-{mask_sha256[:32]}"


def context_key(
    image_sha256: str, mask_sha256: str, peers: Sequence[str], classes: Sequence[str]
) -> str:
    """Name a candidate among its peers: another set of candidates gives another key.

    Args:
        peers: each candidate's mask, and whether its probabilities are known.
    """
    company = hashlib.sha256(" ".join([*sorted(peers), "|", *classes]).encode()).hexdigest()
    return f"{candidate_key(image_sha256, mask_sha256)}-{company[:24]}"
