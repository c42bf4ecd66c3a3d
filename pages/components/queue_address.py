"""The queue's filters and order as they stand in an address; the reverse of parse_queue_query."""

from __future__ import annotations

import streamlit as st

from pages.api.queue_input import QUERY_PARAMETERS
from rsqa_core.records import IMAGE_STATUSES, ImageStatus, QueueOrder, QueueQuery

ORDER_NAMES: dict[QueueOrder, str] = {
    "informative": "Most informative",
    "uncertain": "Most uncertain",
    "worst": "Worst predicted",
    "best": "Best predicted",
    "disagreement": "Most disagreement",
    "diverse": "Most diverse",
    "similar": "Most alike",
    "random": "Random",
    "name": "Name",
}
DIVERSE_TEXT = (
    "Most diverse: every next image is the one least like those before it, as the encoder sees "
    "them. Scoring gives new images their place."
)
INFORMATIVE_TEXT = (
    "Most informative: first the images from whose labels the next training would gain most, as "
    "the current head sees it."
)
STATUS_NAMES: dict[ImageStatus, str] = {
    "open": "To review",
    "reviewed": "Reviewed",
    "skipped": "Skipped",
    "flagged": "Flagged",
    "none_acceptable": "None acceptable",
    "accepted": "Accepted unseen",
}


def queue_parameters(query: QueueQuery) -> dict[str, str]:
    """Return the address parameters of a query; those at their default are left out.

    Example:
        >>> queue_parameters(QueueQuery(order="worst", score_below=0.5))
        {'order': 'worst', 'below': '0.5'}
    """
    default = QueueQuery()
    parameters: dict[str, str] = {}
    if query.order != default.order:
        parameters["order"] = query.order
    if set(query.statuses) != set(default.statuses):
        every = set(query.statuses) == set(IMAGE_STATUSES)
        parameters["status"] = "all" if every else ",".join(query.statuses)
    if query.scene:
        parameters["scene"] = query.scene
    if query.segmenter:
        parameters["segmenter"] = query.segmenter
    if query.name_contains:
        parameters["name"] = query.name_contains
    if query.score_below is not None:
        parameters["below"] = f"{query.score_below:g}"
    if query.seed != default.seed:
        parameters["seed"] = str(query.seed)
    if query.slice:
        parameters["slice"] = query.slice
    if query.search:
        parameters["search"] = str(query.search)
    return parameters


def write_address(parameters: dict[str, str]) -> None:
    """Put the parameters into the address; the cursor goes, for it belongs to the old order."""
    kept = {
        name: value
        for name, value in st.query_params.to_dict().items()
        if name not in (*QUERY_PARAMETERS, "cursor", "item")
    }
    st.query_params.from_dict({**kept, **parameters})
    st.session_state.pop("rsqa_queue_back", None)
