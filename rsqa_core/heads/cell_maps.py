"""Which places of an image carry a score: Grad-CAM, Occlusion and LIME through Captum.

Every map has one value a cell, in units of quality: how much of the score the cell adds beside a
cell of mean content, negative where it takes away.

- Grad-CAM weighs the last layer by the gradients of the score. That layer is the hidden one with
  what goes past it, the linear paths and the first guess, because much of a score comes that way.
  It is one pass forward and one back.
- Occlusion takes each cell away in turn. As the head scores every cell by itself, its values are
  exact, and they are what the other maps are measured by.
- LIME takes whole regions of the mask away, many at random, and fits a linear model to the scores.
  It says what a patch of forest or a building is worth, not what a square is.

References:
    Selvaraju et al. 2017, arXiv 1610.02391. Zeiler and Fergus 2014, arXiv 1311.2901.
    Ribeiro et al. 2016, arXiv 1602.04938. Kokhlikyan et al. 2020, arXiv 2009.07896 (Captum).
"""

from __future__ import annotations

import numpy as np
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import LayerGradCam, Lime, Occlusion
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from rsqa_core.errors import InvalidInputError
from rsqa_core.features.grids import CELL_SIDE, class_shares
from rsqa_core.heads.explaining import Evidence, Values
from rsqa_core.heads.inputs import PLACES
from rsqa_core.records import EXPLAIN_METHODS, VOID

SAMPLES_A_REGION = 12
FEWEST_SAMPLES = 200
_AT_ONCE = 64
_RIDGE = 1e-3
"""Of LIME's linear model: regions that always went together would share no definite values."""


def map_cells(
    evidence: Evidence, method: str, regions: NDArray[np.int64] | None = None, *, seed: int = 0
) -> Values:
    """Return what each cell adds to the score, (P,) in units of quality.

    Args:
        evidence: the candidate.
        method: one of EXPLAIN_METHODS.
        regions: for LIME, (CELL_SIDE, CELL_SIDE) number of each cell's region from 0, as
            ``regions_of`` gives them; without it every cell is one.
        seed: of LIME's samples.

    Raises:
        InvalidInputError: there is no such method.
    """
    if method == "grad-cam":
        return _grad_cam(evidence)
    if method == "occlusion":
        return _occlusion(evidence)
    if method == "lime":
        numbers = np.arange(PLACES) if regions is None else regions.ravel()
        return _lime(evidence, numbers, seed)
    raise InvalidInputError(
        f"Expected the method to be one of {', '.join(EXPLAIN_METHODS)}, but got {method!r}."
    )


def regions_of(mask: NDArray[np.uint8], class_count: int) -> NDArray[np.int64]:
    """Return the number of each cell's region, (CELL_SIDE, CELL_SIDE) from 0.

    A region is a connected patch of cells in which one class is the most frequent.

    Args:
        mask: (H, W) uint8 class ids; cells of which most is VOID make regions of their own.
        class_count: K.
    """
    shares = class_shares(mask, class_count, CELL_SIDE)
    most = np.where(shares.sum(axis=0) < 0.5, VOID, shares.argmax(axis=0))
    regions = np.zeros((CELL_SIDE, CELL_SIDE), dtype=np.int64)
    known = 0
    for value in np.unique(most):
        numbered, count = ndimage.label(most == value)
        regions[numbered > 0] = numbered[numbered > 0] - 1 + known
        known += count
    return regions


class _LastLayer(nn.Module):
    """The head as a function of which cells are there, with its last layer in Captum's form.

    The layer's values are the differences from a candidate without cells, so that a map is zero
    where a cell is as good as a mean one.
    """

    def __init__(self, evidence: Evidence) -> None:
        super().__init__()
        self._evidence = evidence
        self.last = nn.Identity()
        with torch.no_grad():
            self._without = self._values(torch.zeros(1, PLACES))

    def forward(self, present: Tensor) -> Tensor:
        """Return the (n,) scores with the cells of (n, 1, CELL_SIDE, CELL_SIDE)."""
        evidence, network = self._evidence, self._evidence.network
        flat = present.reshape(len(present), PLACES)
        channels = self._values(flat) - self._without
        members, count = channels.shape[:2]
        image = channels.permute(1, 0, 3, 2).reshape(count, -1, CELL_SIDE, CELL_SIDE)
        seen = self.last(image).reshape(count, members, -1, PLACES).permute(1, 0, 3, 2)
        values = seen + self._without
        logits = network.out(values[..., :-2].contiguous())[..., 0] + values[..., -2]
        return evidence.believed_cells(logits, values[0, ..., -1]).mean(dim=1)

    def _values(self, present: Tensor) -> Tensor:
        """Return hidden layer, what goes past it and the first guess, (M, n, P, d + 2)."""
        network = self._evidence.network
        variants, guess = self._evidence.variants(present)
        count = len(present)
        hidden = network.hidden_layer(variants, torch.arange(count))
        none = torch.zeros(hidden.shape[:-1])
        direct = network.with_direct(none, variants, guess)
        every = guess.expand(len(hidden), -1, -1)
        return torch.cat([hidden, direct[..., None], every[..., None]], dim=-1)


def _grad_cam(evidence: Evidence) -> Values:
    model = _LastLayer(evidence)
    cam = LayerGradCam(model, model.last)
    present = _all_cells().requires_grad_()
    found = cam.attribute(present, relu_attributions=False)
    return _flat(found)


def _occlusion(evidence: Evidence) -> Values:
    found = Occlusion(lambda present: evidence.with_cells(present.reshape(-1, PLACES))).attribute(
        _all_cells(),
        sliding_window_shapes=(1, 1, 1),
        baselines=0,
        perturbations_per_eval=_AT_ONCE,
    )
    return _flat(found)


def _lime(evidence: Evidence, regions: NDArray[np.int64], seed: int) -> Values:
    count = int(regions.max()) + 1
    lime = Lime(
        lambda present: evidence.with_cells(present.reshape(-1, PLACES)),
        interpretable_model=SkLearnRidge(alpha=_RIDGE),
    )
    feature_mask = torch.from_numpy(regions).reshape(1, 1, CELL_SIDE, CELL_SIDE)
    # Captum draws from the global generator, which is left as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = lime.attribute(
            _all_cells(),
            baselines=0,
            feature_mask=feature_mask,
            n_samples=max(FEWEST_SAMPLES, SAMPLES_A_REGION * count),
            perturbations_per_eval=_AT_ONCE,
            return_input_shape=True,
        )
    # A region's worth is spread over its cells, so that the map still sums to what all add.
    sizes = np.bincount(regions, minlength=count)
    spread: Values = _flat(found) / sizes[regions]
    return spread


def _all_cells() -> Tensor:
    return torch.ones(1, 1, CELL_SIDE, CELL_SIDE)


def _flat(found: Tensor) -> Values:
    values: Values = found.detach().double().numpy().reshape(PLACES)
    return values
