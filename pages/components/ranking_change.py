"""What another head would change about the order of candidates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from rsqa_core.records import Candidate, Score


@dataclass(frozen=True, slots=True)
class RankingChange:
    """A comparison over the candidates that both heads scored.

    ``rank_correlation`` (Spearman, -1..1) is None where fewer than two candidates or no spread
    leave it undefined.
    """

    images: int
    images_with_new_top: int
    candidates: int
    rank_correlation: float | None


def ranking_change(
    candidates: Sequence[Candidate],
    before: Mapping[int, Score],
    after: Mapping[int, Score],
) -> RankingChange:
    """Compare two heads' scores by candidate id.

    An image counts as changed when its best candidate is another one; equal scores keep the lower
    candidate id first, under both heads.
    """
    shared = sorted((c for c in candidates if c.id in before and c.id in after), key=lambda c: c.id)
    by_image: dict[int, list[int]] = defaultdict(list)
    for candidate in shared:
        by_image[candidate.image_id].append(candidate.id)
    changed = sum(
        max(ids, key=lambda i: before[i].score) != max(ids, key=lambda i: after[i].score)
        for ids in by_image.values()
    )
    table = pd.DataFrame(
        {
            "before": [before[c.id].score for c in shared],
            "after": [after[c.id].score for c in shared],
        }
    )
    correlation: float | None = None
    if len(table) > 1 and table["before"].nunique() > 1 and table["after"].nunique() > 1:
        # Spearman is Pearson over ranks; pandas is loaded already, scipy is not.
        correlation = float(table.rank()["before"].corr(table.rank()["after"]))
    return RankingChange(len(by_image), changed, len(shared), correlation)
