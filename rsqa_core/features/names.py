"""Names and groups of the numbers that describe a candidate.

A group is missing as a whole when what it is computed from is not there: an imported mask has no
tapped features, a lone candidate no peers. Missing numbers are NaN and the head is told so.
"""

from __future__ import annotations

VERSION = 2
"""Raised whenever a number changes its meaning; cached rows of another version are not used."""

CANONICAL_CLASSES = ("building", "land", "road", "vegetation", "water")

GROUPS: dict[str, tuple[str, ...]] = {
    "probs": (
        "max_prob_mean",
        "max_prob_std",
        "max_prob_q05",
        "max_prob_q25",
        "max_prob_q50",
        "max_prob_boundary",
        "max_prob_interior",
        "max_prob_class_mean",
        "max_prob_class_min",
        "below_50",
        "below_70",
        "below_90",
        "entropy_mean",
        "entropy_q75",
        "entropy_q95",
        "margin_mean",
        "soft_iou",
    ),
    "taps": (
        "tap_similarity_mean",
        "tap_similarity_q10",
        "tap_margin_mean",
        "tap_nearest_agreement",
        "tap_distance",
        "tap_encoder_spread",
    ),
    "consistency": (
        "scale_agreement",
        "scale_prob_gap",
        "flip_agreement",
        "light_agreement",
    ),
    "mask": (
        "class_entropy",
        "classes_present",
        "dominant_share",
        "void_share",
        "boundary_density",
        "components_log",
        "small_component_share",
        *(f"share_{name}" for name in CANONICAL_CLASSES),
    ),
    "picture": (
        "edge_on_boundary",
        "boundary_on_edge",
        "colour_explained",
        "texture_explained",
        "colour_likelihood",
        "water_brightness",
        "vegetation_greenness",
    ),
    "agreement": (
        "peer_mean",
        "peer_max",
        "peer_min",
        "peer_majority",
        "peer_dissent",
        "vote_entropy",
    ),
    "consensus": (
        "consensus_accuracy",
        "consensus_others",
        "consensus_top",
        "consensus_gap",
        "consensus_miou",
        "consensus_iou_min",
    ),
    "region": (
        "region_agreement",
        "region_top_agreement",
        "region_margin",
    ),
}

SEGMENTER_GROUPS = ("probs", "taps", "consistency")
"""Computed when a segmenter runs, because they need its probabilities and features."""

CONTEXT_GROUPS = ("mask", "picture", "agreement", "consensus", "region")
"""Computed from masks, picture and encoder, for any candidate wherever it came from."""

FEATURE_NAMES: tuple[str, ...] = tuple(name for group in GROUPS.values() for name in group)

SEGMENTER_CELLS = (
    "max_prob",
    "entropy",
    "margin",
    "tap_similarity",
    "tap_margin",
    "scale_gap",
    "flip_gap",
    "light_gap",
)
"""What a segmenter says of each cell of the grid; the same groups are missing as in the row."""

CONTEXT_CELLS = (
    "boundary",
    "majority_share",
    "component_log",
    "boundary_distance",
    "gradient",
    "colour_likelihood",
    "peers",
    "peer_majority",
    "dissent",
    "vote_entropy",
    "consensus",
    "consensus_others",
    "consensus_top",
    "region",
    "region_margin",
    "labelled",
)
"""What masks, picture and encoder say of each cell."""

CELL_NAMES = SEGMENTER_CELLS + CONTEXT_CELLS

IMAGE_STATISTICS = (
    "brightness",
    "contrast",
    "saturation",
    "edge_density",
    "greenness",
    "blueness",
)
"""Plain statistics of a picture that stand beside the encoder's embedding."""


def names_of(groups: tuple[str, ...]) -> tuple[str, ...]:
    """Return the feature names of ``groups`` in order."""
    return tuple(name for group in groups for name in GROUPS[group])
