"""The fusion block against the formulas written out for one member at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from rsqa_core.errors import InvalidInputError
from rsqa_core.heads.gating import BRANCHES, GATES, GatedHead, _dropped
from rsqa_core.heads.preparation import CELL_INPUTS, COMPONENTS, ROW_INPUTS, Prepared

MEMBERS, IMAGES, COUNT, CELLS, VECTOR, WIDTH = 3, 2, 5, 4, 6, 4
IMAGE_OF_ROW = torch.tensor([0, 0, 1, 1, 1])


def random_head(gate: str = "two-way", branch: str = "both", seed: int = 0) -> GatedHead:
    """A head whose weights, scales and shifts are all random, so that no term is zero."""
    torch.manual_seed(seed)
    head = GatedHead(MEMBERS, VECTOR, WIDTH, gate, branch=branch).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter))
    return head


def random_inputs(seed: int = 1) -> tuple[Prepared, Tensor]:
    torch.manual_seed(seed)
    prepared = Prepared(
        vectors=torch.randn(MEMBERS, IMAGES, VECTOR),
        tokens=torch.randn(MEMBERS, IMAGES, CELLS, COMPONENTS),
        rows=torch.randn(MEMBERS, COUNT, ROW_INPUTS),
        cells=torch.randn(MEMBERS, COUNT, CELLS, CELL_INPUTS),
    )
    return prepared, torch.randn(COUNT, CELLS)


def said(head: GatedHead, prepared: Prepared, guess: Tensor) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = head(prepared, IMAGE_OF_ROW, guess)
    return logits


def one_cell(
    head: GatedHead, member: int, row: int, cell: int, prepared: Prepared, guess: Tensor
) -> Tensor:
    """q before the sigmoid of one cell by one member, with torch's own linear and layer norm."""

    def linear(name: str, values: Tensor) -> Tensor:
        layer = getattr(head, name)
        return functional.linear(values, layer.weight[member].T, layer.bias[member, 0])

    def norm(name: str, values: Tensor) -> Tensor:
        layer = getattr(head, name)
        return functional.layer_norm(
            values, values.shape[-1:], layer.scale[member, 0], layer.shift[member, 0]
        )

    gelu = functional.gelu
    image = int(IMAGE_OF_ROW[row])
    own_cell, own_row = prepared.cells[member, row, cell], prepared.rows[member, row]
    s = linear("project_token", prepared.tokens[member, image, cell])
    s = s + linear("project_vector", prepared.vectors[member, image])
    f = linear("project_cell", own_cell) + linear("project_row", own_row)
    if head.gate == "none":
        fused = torch.cat([s, f], dim=-1)
    else:
        s1, f1 = gelu(linear("w1", norm("norm_s", s))), gelu(linear("w2", norm("norm_f", f)))
        if head.gate == "two-way":
            s = s + linear("w3", s1 * f1)
        fused = f + s + linear("w4", f1 * s1)
    hidden = gelu(linear("hidden", norm("norm_out", fused)))
    learnt = linear("out", hidden) + linear("linear_cell", own_cell) + linear("linear_row", own_row)
    return learnt[0] + head.gain[member, 0, 0] * guess[row, cell]


@pytest.mark.parametrize("gate", GATES)
def test_every_cell_of_every_member_follows_the_formulas(gate: str) -> None:
    head = random_head(gate)
    prepared, guess = random_inputs()

    logits = said(head, prepared, guess)

    assert logits.shape == (MEMBERS, COUNT, CELLS)
    with torch.inference_mode():
        for member in range(MEMBERS):
            for row in range(COUNT):
                for cell in range(CELLS):
                    expected = one_cell(head, member, row, cell, prepared, guess)
                    torch.testing.assert_close(
                        logits[member, row, cell], expected, rtol=1e-3, atol=1e-3
                    )


def test_gates_differ() -> None:
    two, one = (said(random_head(gate), *random_inputs()) for gate in ("two-way", "one-way"))

    assert not torch.allclose(two, one, atol=1e-2)


def test_what_one_member_is_given_does_not_reach_another() -> None:
    head = random_head()
    prepared, guess = random_inputs()
    rows, tokens = prepared.rows.clone(), prepared.tokens.clone()
    rows[1] += 1.0
    tokens[1] += 1.0

    before = said(head, prepared, guess)
    after = said(head, replace(prepared, rows=rows, tokens=tokens), guess)

    assert torch.equal(before[[0, 2]], after[[0, 2]])
    assert not torch.allclose(before[1], after[1])


def test_what_one_cell_shows_does_not_reach_another() -> None:
    head = random_head()
    prepared, guess = random_inputs()
    cells = prepared.cells.clone()
    cells[:, 2, 1] += 1.0

    moved = said(head, prepared, guess) != said(head, replace(prepared, cells=cells), guess)

    assert moved[:, 2, 1].all()
    moved[:, 2, 1] = False
    assert not moved.any()


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_that_is_left_out_has_no_influence(branch: str) -> None:
    head = random_head(branch=branch)
    prepared, guess = random_inputs()
    before = said(head, prepared, guess)
    other, other_guess = random_inputs(seed=2)
    semantic = replace(prepared, vectors=other.vectors, tokens=other.tokens)
    segmentation = replace(prepared, rows=other.rows, cells=other.cells)

    by_semantic = said(head, semantic, guess)
    by_segmentation = said(head, segmentation, guess)
    by_guess = said(head, prepared, other_guess)

    assert torch.equal(before, by_semantic) == (branch == "segmentation")
    assert torch.equal(before, by_segmentation) == (branch == "semantic")
    assert torch.equal(before, by_guess) == (branch == "semantic")


def test_an_untrained_head_says_the_first_guess() -> None:
    torch.manual_seed(0)
    head = GatedHead(MEMBERS, VECTOR, WIDTH).eval()
    prepared, guess = random_inputs()

    torch.testing.assert_close(said(head, prepared, guess), guess.expand(MEMBERS, COUNT, CELLS))


def test_each_member_has_a_gain_of_its_own_on_the_guess() -> None:
    head = GatedHead(MEMBERS, VECTOR, WIDTH).eval()
    with torch.no_grad():
        head.gain[:, 0, 0] = torch.tensor([0.0, 1.0, 2.5])
    prepared, guess = random_inputs()

    logits = said(head, prepared, guess)

    for member, gain in enumerate((0.0, 1.0, 2.5)):
        torch.testing.assert_close(logits[member], gain * guess)


def test_members_start_from_different_weights() -> None:
    torch.manual_seed(0)
    weight = GatedHead(MEMBERS, VECTOR, WIDTH).w1.weight

    assert not torch.allclose(weight[0], weight[1])


def test_dropout_acts_in_training_only() -> None:
    head = random_head()
    prepared, guess = random_inputs()

    quiet = [said(head, prepared, guess) for _ in range(2)]
    head.train()
    noisy = [said(head, prepared, guess) for _ in range(2)]

    assert torch.equal(*quiet)
    assert not torch.equal(*noisy)


def test_dropout_drops_its_share_and_keeps_the_sum() -> None:
    torch.manual_seed(0)
    first, second = (_dropped(torch.ones(4, 100_000), 0.1) for _ in range(2))

    share = (first == 0).float().mean(dim=1)
    assert torch.all((share - 0.1).abs() < 0.005)  # five standard deviations
    assert torch.allclose(first[first != 0], torch.tensor(1 / 0.9))
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    assert torch.equal(_dropped(torch.ones(4, 100_000), 0.1), first)


@pytest.mark.parametrize(
    ("setting", "known"), [("gate", GATES), ("branch", BRANCHES)], ids=["gate", "branch"]
)
def test_an_unknown_setting_is_refused(setting: str, known: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInputError, match=f"`{setting}`.*{', '.join(known)}.*'sideways'"):
        GatedHead(MEMBERS, VECTOR, WIDTH, **{setting: "sideways"})
