"""Numbers of masks, of their place on the picture and of their peers, computed by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from rsqa_core.features.grids import CELL_SIDE, Described, Values
from rsqa_core.features.masks import (
    PictureGrid,
    boundary_of,
    describe_agreement,
    describe_mask,
    describe_picture,
    describe_region,
)
from rsqa_core.features.names import GROUPS
from rsqa_core.records import VOID

Mask = NDArray[np.uint8]


def mask_of(*rows: list[int]) -> Mask:
    return np.array(rows, dtype=np.uint8)


def require_means(described: Described, number_of: dict[str, str]) -> None:
    """Each grid's mean is the number of the whole candidate; holds where sizes divide evenly."""
    for cell, number in number_of.items():
        grid = described.cells[cell]
        assert grid.shape == (CELL_SIDE, CELL_SIDE), cell
        assert float(grid.mean()) == pytest.approx(described.values[number], abs=1e-5), cell


def test_outlines_lie_left_and_above_of_a_change() -> None:
    boundary = boundary_of(mask_of([0, 0, 1], [0, 0, 1], [2, 2, 2]))

    assert boundary.astype(int).tolist() == [[0, 1, 0], [1, 1, 1], [0, 0, 0]]


def test_shape_of_a_mask_by_hand() -> None:
    mask = np.zeros((20, 20), dtype=np.uint8)
    mask[:8, :8] = 1  # 64 px: not small
    mask[14, 14] = mask[15, 15] = 1  # touch at a corner: one small component of 2 px
    mask[19] = VOID

    values = describe_mask(mask, ("Building", "Water", "Road")).values

    shares = (314 / 400, 66 / 400)
    assert values.keys() == set(GROUPS["mask"])
    assert values["class_entropy"] == pytest.approx(
        -sum(s * math.log(s) for s in shares) / math.log(3)
    )
    assert values["classes_present"] == pytest.approx(2 / 3)
    assert values["dominant_share"] == pytest.approx(314 / 400)
    assert values["void_share"] == pytest.approx(20 / 400)
    assert values["components_log"] == pytest.approx(math.log1p(3 * 262_144 / 400))
    assert values["small_component_share"] == pytest.approx(2 / 400)
    assert values["share_building"] == pytest.approx(314 / 400)
    assert values["share_water"] == pytest.approx(66 / 400)
    assert values["share_road"] == values["share_land"] == values["share_vegetation"] == 0.0
    # 8 + 7 right edges and lower edges of the square share its corner; 20 px above the VOID row;
    # each lone pixel of the pair is an edge and has one to its left and one above.
    assert values["boundary_density"] == pytest.approx((15 + 20 + 2 + 4) / 400)


def test_a_class_under_one_percent_is_not_present() -> None:
    mask = np.zeros((20, 20), dtype=np.uint8)
    mask[0, :3] = 1

    assert describe_mask(mask, ("a", "b")).values["classes_present"] == 0.5
    mask[0, 3] = 1
    assert describe_mask(mask, ("a", "b")).values["classes_present"] == 1.0


def test_a_mask_without_any_label_has_plain_numbers() -> None:
    values, cells = describe_mask(np.full((4, 4), VOID, dtype=np.uint8), ("a", "b"))

    assert values["void_share"] == 1.0
    assert all(math.isfinite(value) for value in values.values())
    assert all(np.isfinite(cell).all() for cell in cells.values())
    assert cells["labelled"].max() == cells["majority_share"].max() == 0.0
    assert cells["boundary_distance"].min() == 1.0  # there is no outline to be near


def test_cells_of_a_mask_by_hand() -> None:
    mask = np.zeros((16, 16), dtype=np.uint8)
    mask[:, 3:] = 1
    mask[15] = VOID

    described = describe_mask(mask, ("a", "b"))

    require_means(described, {"boundary": "boundary_density"})
    cells = described.cells
    assert float(cells["labelled"].mean()) == pytest.approx(1 - described.values["void_share"])
    assert cells["labelled"][-1].tolist() == [0.5] * 8
    # The outline runs down column 2, which is the left half of the second cell.
    assert cells["boundary"][0].tolist() == [0, 0.5, 0, 0, 0, 0, 0, 0]
    assert cells["majority_share"][0].tolist() == [1, 0.5, 1, 1, 1, 1, 1, 1]
    # Columns 4 and 5 are 2 and 3 px away, the last two 12 and 13.
    assert cells["boundary_distance"][0, [2, 7]] == pytest.approx([2.5 / 64, 12.5 / 64])
    # Components of 45 and of 195 px, as if the image were of 512 x 512 px.
    left, right = (math.log1p(size * 262_144 / 256) for size in (45, 195))
    assert cells["component_log"][0, :3] == pytest.approx([left, (left + right) / 2, right])


def two_halves() -> tuple[PictureGrid, Mask]:
    """A picture, dark blue on the left and green on the right, with the mask that fits."""
    rgb = np.zeros((3, 32, 32), dtype=np.uint8)
    rgb[2, :, :16] = 60
    rgb[1, :, 16:] = 200
    mask = np.zeros((32, 32), dtype=np.uint8)
    mask[:, 16:] = 1
    return PictureGrid(rgb), mask


def described_picture(
    grid: PictureGrid, mask: Mask, classes: tuple[str, ...], colours_of: Mask | None = None
) -> Described:
    """Describe with colours as one candidate alone suggests them, by default the mask itself."""
    known = mask if colours_of is None else colours_of
    shares = np.stack([known == k for k in range(len(classes))]).astype(np.float32)
    return describe_picture(grid, mask, classes, grid.colour_posterior(shares))


def pictured(grid: PictureGrid, mask: Mask, classes: tuple[str, ...]) -> Values:
    return described_picture(grid, mask, classes).values


def test_a_mask_that_fits_the_picture_explains_it() -> None:
    grid, mask = two_halves()

    values = pictured(grid, mask, ("Water", "Vegetation"))

    assert values.keys() == set(GROUPS["picture"])
    assert values["colour_explained"] == pytest.approx(2 / 3)  # red does not vary: 0 of its own
    assert values["edge_on_boundary"] > 2
    assert values["boundary_on_edge"] == pytest.approx(1.0)
    # Water at 20/255, the whole at (20 + 200/3) / 2 / 255; excess green likewise.
    assert values["water_brightness"] == pytest.approx((20 - (20 + 200 / 3) / 2) / 255, rel=1e-4)
    assert values["vegetation_greenness"] == pytest.approx((400 - (400 - 60) / 2) / 255, rel=1e-4)


def test_a_mask_across_the_picture_explains_nothing_of_it() -> None:
    grid, mask = two_halves()

    values = pictured(grid, np.ascontiguousarray(mask.T), ("Water", "Vegetation"))

    assert values["colour_explained"] == pytest.approx(0.0, abs=1e-9)
    assert values["edge_on_boundary"] == pytest.approx(1.0, rel=0.05)
    assert values["boundary_on_edge"] < 0.3


def test_contrast_of_a_class_that_is_absent_is_missing() -> None:
    grid, mask = two_halves()

    elsewhere = pictured(grid, mask, ("Road", "Building"))
    unused = pictured(grid, np.ones_like(mask), ("Water", "Vegetation"))

    assert math.isnan(elsewhere["water_brightness"])
    assert math.isnan(elsewhere["vegetation_greenness"])
    assert math.isnan(unused["water_brightness"])
    assert unused["vegetation_greenness"] == pytest.approx(0.0, abs=1e-6)


def test_a_picture_of_one_colour_has_plain_numbers() -> None:
    grid = PictureGrid(np.full((3, 8, 8), 90, dtype=np.uint8))
    mask = np.zeros((8, 8), dtype=np.uint8)

    values = pictured(grid, mask, ("a", "b"))

    assert values["colour_explained"] == values["texture_explained"] == 0.0
    assert values["edge_on_boundary"] == values["boundary_on_edge"] == 0.0


def test_colours_belong_to_the_classes_that_lie_on_them() -> None:
    grid, _mask = two_halves()
    shares = np.zeros((2, 32, 32), dtype=np.float32)
    shares[0, :, :16], shares[1, :, :16] = 0.75, 0.25
    shares[1, :, 16:] = 1.0

    posterior = grid.colour_posterior(shares)

    # Histogram in loops: of each pair of colour and texture, how much of either class lies there.
    codes = grid.colour_codes
    prior = shares.sum(axis=(1, 2)) / (32 * 32)
    for row, column in ((0, 0), (5, 14), (31, 17), (20, 31)):
        alike = codes == codes[row, column]
        counts = [float(one[alike].sum()) for one in shares]
        expected = [(c + 2 * p) / (sum(counts) + 2) for c, p in zip(counts, prior, strict=True)]
        assert posterior[:, row, column] == pytest.approx(expected, abs=1e-5)
    assert posterior.shape == (2, 32, 32)
    assert posterior.sum(axis=0) == pytest.approx(np.ones((32, 32)), abs=1e-5)
    assert posterior[0, :, :8].min() > 0.7
    assert posterior[0, :, 24:].max() < 0.05


def test_colours_of_a_plain_picture_are_of_the_classes_as_a_whole() -> None:
    grid = PictureGrid(np.full((3, 8, 8), 90, dtype=np.uint8))
    shares = np.zeros((2, 8, 8), dtype=np.float32)
    shares[0, :2], shares[1, 2:] = 1.0, 1.0

    posterior = grid.colour_posterior(shares)

    assert posterior[0] == pytest.approx(0.25)
    assert posterior[1] == pytest.approx(0.75)


def test_a_mask_against_the_colours_is_unlikely_place_by_place() -> None:
    grid, mask = two_halves()
    partly = mask.copy()
    partly[:16] = 1 - partly[:16]
    partly[:, 30:] = VOID

    right = described_picture(grid, mask, ("a", "b"))
    wrong = described_picture(grid, partly, ("a", "b"), colours_of=mask)

    assert right.values["colour_likelihood"] > 0.9
    require_means(right, {"colour_likelihood": "colour_likelihood"})
    require_means(wrong, {"colour_likelihood": "colour_likelihood"})
    assert wrong.cells["colour_likelihood"][:4].max() < 0.3
    assert wrong.cells["colour_likelihood"][4:, :6].min() > 0.7
    assert wrong.cells["colour_likelihood"][7, 7] < 0.6  # half of it is VOID, which is never right
    assert float(right.cells["gradient"].mean()) == pytest.approx(1.0, rel=1e-5)


def test_agreement_of_two_by_hand() -> None:
    first, second = describe_agreement([mask_of([0, 0], [1, 1]), mask_of([0, 1], [1, 1])], 2)

    expected = {
        "peer_mean": 0.75,
        "peer_max": 0.75,
        "peer_min": 0.75,
        "peer_majority": 0.75,
        "peer_dissent": 0.25,
        "vote_entropy": 0.25,  # one of four pixels is split evenly
    }
    assert first.values == pytest.approx(expected)
    assert second.values == pytest.approx(expected)


def test_agreement_of_three_by_hand() -> None:
    masks = [mask_of([0, 0, 1, 2]), mask_of([0, 1, 1, 2]), mask_of([0, 1, 2, VOID])]

    described = describe_agreement(masks, 3)

    split = math.log(3) - 2 / 3 * math.log(2)  # entropy of votes two to one
    entropy = 3 * split / 4 / math.log(3)
    names = ("peer_mean", "peer_max", "peer_min", "peer_majority", "peer_dissent")
    expected = [
        (0.5, 0.75, 0.25, 0.75, 0.25),
        (0.625, 0.75, 0.5, 0.75, 0.0),
        (0.375, 0.5, 0.25, 0.25, 0.5),
    ]
    for (values, _), numbers in zip(described, expected, strict=True):
        assert tuple(values[name] for name in names) == pytest.approx(numbers)
        assert values["vote_entropy"] == pytest.approx(entropy)


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_the_majority_of_the_others_is_counted_without_the_candidate_itself(count: int) -> None:
    rng = np.random.default_rng(count)
    masks = [rng.choice([0, 1, 2, VOID], (8, 8)).astype(np.uint8) for _ in range(count)]

    described = describe_agreement(masks, 3)

    for index, mask in enumerate(masks):
        others = [np.minimum(other, 3) for place, other in enumerate(masks) if place != index]
        votes = np.stack([np.sum([other == k for other in others], axis=0) for k in range(4)])
        with_them = votes.argmax(axis=0) == np.minimum(mask, 3)  # of equals, the first class
        alone = (votes.max(axis=0) == count - 1) & ~with_them
        assert np.array_equal(described[index].cells["peer_majority"], with_them)
        assert np.array_equal(described[index].cells["dissent"], alone)


def test_votes_that_spread_over_all_classes_have_entropy_1() -> None:
    masks = [np.full((3, 3), k, dtype=np.uint8) for k in range(4)]

    for values, _ in describe_agreement(masks, 5):
        assert values["vote_entropy"] == pytest.approx(1.0)
        assert values["peer_mean"] == 0.0


def test_a_lone_candidate_has_no_peers() -> None:
    assert describe_agreement([mask_of([0, 1])], 2) == [({}, {})]
    assert describe_agreement([], 2) == []


def test_two_voids_agree() -> None:
    masks = [mask_of([VOID, 0]), mask_of([VOID, 0])]

    assert describe_agreement(masks, 2)[0].values["peer_mean"] == 1.0


def test_cells_of_agreement_are_its_numbers_place_by_place() -> None:
    masks = [np.random.default_rng(k).integers(0, 3, (16, 16)).astype(np.uint8) for k in range(3)]
    masks[2][:8, :8] = VOID

    for described in describe_agreement(masks, 3):
        require_means(
            described,
            {
                "peers": "peer_mean",
                "peer_majority": "peer_majority",
                "dissent": "peer_dissent",
                "vote_entropy": "vote_entropy",
            },
        )
    first = describe_agreement(masks, 3)[0].cells
    cell = [mask[2:4, 6:8] for mask in masks]
    expected = np.mean([(cell[0] == cell[1]).mean(), (cell[0] == cell[2]).mean()])
    assert first["peers"][1, 3] == pytest.approx(expected)


def quarters(*ids: int) -> Mask:
    return np.kron(np.array(ids, dtype=np.uint8).reshape(2, 2), np.ones((4, 4), dtype=np.uint8))


def test_the_right_class_in_each_part_is_preferred() -> None:
    vectors = np.eye(3, dtype=np.float32)
    tokens = vectors[[0, 1, 2, 0]].reshape(2, 2, 3)

    right = describe_region(quarters(0, 1, 2, 0), tokens, vectors)
    partly = describe_region(quarters(0, 1, 1, 0), tokens, vectors)
    wrong = describe_region(quarters(1, 2, 0, 1), tokens, vectors)

    assert right.values == pytest.approx(
        {"region_agreement": 1.0, "region_top_agreement": 1.0, "region_margin": 1.0}
    )
    assert partly.values == pytest.approx(
        {"region_agreement": 0.75, "region_top_agreement": 0.75, "region_margin": 0.5}
    )
    assert wrong.values == pytest.approx(
        {"region_agreement": 0.0, "region_top_agreement": 0.0, "region_margin": -1.0}, abs=1e-9
    )


def test_a_part_of_two_classes_counts_by_their_shares() -> None:
    vectors = np.eye(2, dtype=np.float32)
    mask = np.zeros((4, 4), dtype=np.uint8)
    mask[:, 3] = 1  # a quarter

    values, _ = describe_region(mask, vectors[[0]].reshape(1, 1, 2), vectors)

    assert values["region_agreement"] == pytest.approx(0.75)


def test_region_agreement_equals_a_plain_loop_on_uneven_cells() -> None:
    rng = np.random.default_rng(4)
    mask = rng.integers(0, 3, size=(13, 17)).astype(np.uint8)
    tokens = rng.normal(size=(3, 4, 5)).astype(np.float32)
    tokens /= np.linalg.norm(tokens, axis=-1, keepdims=True)
    vectors = rng.normal(size=(3, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    cells = []
    for row, column in itertools.product(range(3), range(4)):
        cell = mask[
            13 * row // 3 : 13 * (row + 1) // 3, 17 * column // 4 : 17 * (column + 1) // 4
        ].ravel()
        likeness = np.exp(30.0 * (vectors @ tokens[row, column]).astype(np.float64))
        likeness /= likeness.sum()
        cells.append(np.mean([likeness[k] for k in cell]))

    described = describe_region(mask, tokens, vectors)

    assert described.values["region_agreement"] == pytest.approx(np.mean(cells), rel=1e-4)


@pytest.mark.parametrize("side", [2, 8, 16])
def test_cells_of_regions_are_their_numbers_place_by_place(side: int) -> None:
    rng = np.random.default_rng(5)
    mask = rng.integers(0, 3, size=(32, 32)).astype(np.uint8)
    tokens = rng.normal(size=(side, side, 5)).astype(np.float32)
    vectors = rng.normal(size=(3, 5)).astype(np.float32)

    described = describe_region(mask, tokens, vectors)

    require_means(described, {"region": "region_agreement", "region_margin": "region_margin"})
