"""Maps of what carries a score: the decisive cell, regions, and deletion as the head does it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.grids import CELL_SIDE
from rsqa_core.features.names import CELL_NAMES
from rsqa_core.heads.cell_maps import map_cells, regions_of
from rsqa_core.heads.deletion import delete_cells
from rsqa_core.heads.explaining import Evidence
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.head import QualityHead
from rsqa_core.heads.inputs import PLACES, HeadInputs
from rsqa_core.records import EXPLAIN_METHODS, VOID
from rsqa_core.training.head import HeadTraining, train_head
from rsqa_core.training.head_data import HeadData
from tests.rsqa_core.synthetic import head_data

FINGERPRINT = "e" * 64
DECISIVE = 21


@pytest.fixture(scope="module")
def data() -> HeadData:
    return head_data(images=9)


@pytest.fixture(scope="module")
def head(data: HeadData) -> QualityHead:
    return train_head(
        data,
        ("colours", FINGERPRINT),
        HeadTraining(epochs=3, seeds=2, width=4),
        trained_on=("a synthetic set",),
    )


@pytest.fixture(scope="module")
def evidence(head: QualityHead, data: HeadData) -> Evidence:
    return Evidence(head, data.inputs, data.places, 0, FINGERPRINT)


@pytest.fixture(scope="module")
def decisive(head: QualityHead, data: HeadData) -> Evidence:
    """A head that looks at one number of a cell, which only one cell has."""
    column = CELL_NAMES.index("boundary")
    network = GatedHead(len(head.card.member_fold), head.preparation.vector_inputs, 4)
    network.anchored = False
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        network.linear_cell.weight[:, column] = 1.0
    preparation = head.preparation
    mean, scale = preparation.cell_mean[:, column], preparation.cell_scale[:, column]
    cells = data.inputs.cells.copy()
    cells[0, :, column] = float(mean.mean())
    cells[0, DECISIVE, column] = float((mean + 2 * scale).mean())
    inputs = HeadInputs(
        data.inputs.semantic, data.inputs.tokens, data.inputs.rows, cells, data.inputs.image_of_row
    )
    looks = QualityHead(network, preparation, replace(head.card, anchored=False, offsets={}))
    return Evidence(looks, inputs, data.places, 0, FINGERPRINT)


@pytest.mark.parametrize("method", EXPLAIN_METHODS)
def test_every_map_finds_the_decisive_cell(decisive: Evidence, method: str) -> None:
    found = map_cells(decisive, method)

    assert found.shape == (PLACES,)
    assert int(found.argmax()) == DECISIVE
    # Logit 2 in place of 0 in one of 64 cells; the gradient alone takes the slope at the middle.
    expected = 2 * 0.25 / PLACES if method == "grad-cam" else (0.8808 - 0.5) / PLACES
    assert found[DECISIVE] == pytest.approx(expected, rel=0.1)
    rest = np.delete(found, DECISIVE)
    assert np.abs(rest).max() < 0.05 * found[DECISIVE]


def test_without_the_decisive_cell_the_score_falls_most(decisive: Evidence) -> None:
    found = delete_cells(map_cells(decisive, "occlusion"), decisive.cell_effects())

    assert found.by_map[1] == pytest.approx((0.8808 - 0.5) / PLACES, rel=0.1)
    assert found.by_chance[1] < 0.1 * found.by_map[1]
    assert found.faithfulness == pytest.approx(1.0, abs=0.02)


def test_a_score_without_cells_follows_from_their_effects(evidence: Evidence) -> None:
    rng = np.random.default_rng(0)
    present = torch.from_numpy((rng.random((5, PLACES)) > 0.4).astype(np.float32))
    whole = float(evidence.with_cells(torch.ones(1, PLACES))[0])

    asked = evidence.with_cells(present).numpy()

    effects = evidence.cell_effects()
    assert asked == pytest.approx(whole - (1 - present.numpy()) @ effects, abs=1e-5)
    assert np.ptp(asked) > 1e-3  # it is not the same whatever is taken away


def test_occlusion_is_the_effect_of_each_cell(evidence: Evidence) -> None:
    assert map_cells(evidence, "occlusion") == pytest.approx(evidence.cell_effects(), abs=1e-6)


def test_gradients_agree_with_occlusion_in_sign_and_order(evidence: Evidence) -> None:
    found, exact = map_cells(evidence, "grad-cam"), evidence.cell_effects()

    assert np.corrcoef(found, exact)[0, 1] > 0.9
    large = np.abs(exact) > np.quantile(np.abs(exact), 0.5)
    assert (np.sign(found[large]) == np.sign(exact[large])).mean() > 0.9


def test_regions_get_what_their_cells_add_together(evidence: Evidence) -> None:
    regions = np.zeros((CELL_SIDE, CELL_SIDE), dtype=np.int64)
    regions[:, 3:] = 1
    regions[5:, 3:] = 2

    found, exact = map_cells(evidence, "lime", regions), evidence.cell_effects()

    for region in range(3):
        own = regions.ravel() == region
        assert found[own].sum() == pytest.approx(exact[own].sum(), abs=2e-4)
        assert np.ptp(found[own]) == 0.0


def test_samples_come_from_a_seed_and_leave_the_generator_alone(evidence: Evidence) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()

    first, again = (map_cells(evidence, "lime", seed=3) for _ in range(2))

    assert np.array_equal(first, again)
    assert torch.equal(before, torch.get_rng_state())


def test_an_unknown_method_is_refused(evidence: Evidence) -> None:
    with pytest.raises(InvalidInputError, match=r"grad-cam, occlusion, lime, but got 'guess'"):
        map_cells(evidence, "guess")


def test_regions_are_patches_of_one_class() -> None:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[:16, :16] = 1
    mask[48:, 48:] = 1
    mask[:, 32:36] = 2  # half a cell: nowhere the most frequent
    mask[40:48, :8] = VOID

    found = regions_of(mask, 3)

    assert found.shape == (CELL_SIDE, CELL_SIDE)
    assert sorted(np.unique(found)) == [0, 1, 2, 3]
    assert found[0, 0] == found[1, 1] != found[7, 7]
    assert found[0, 7] == found[7, 0] != found[5, 0]
    assert (found == found[5, 0]).sum() == 1
