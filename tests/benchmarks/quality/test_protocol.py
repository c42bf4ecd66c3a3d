"""What methods are given, and what becomes of what they return."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.quality.candidates import Candidates, joined
from benchmarks.quality.methods import Method, Predictions, baselines, head_method
from benchmarks.quality.protocol import Figures, Outcome, run
from benchmarks.quality.report import Run, error_map_figures, figures_of, interval_figures
from rsqa_core.errors import InvalidInputError
from rsqa_core.evaluation.agreement import pooled, within_image
from rsqa_core.evaluation.resampling import interval
from rsqa_core.raster import encode_mask
from rsqa_core.training.head import HeadTraining
from tests.benchmarks.quality.drawn import draw_candidates


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def guess(sharp: float, train: Candidates, test: Candidates, seed: int) -> Predictions:
    """Predict by one feature, with intervals as wide as ``sharp`` says."""
    from rsqa_core.evaluation.baselines import label_free

    score = label_free(test.features)["ac"] + 0.001 * seed
    return Predictions(score, score - sharp, score + sharp, score - 2 * sharp, score + 2 * sharp)


def quick_head(epochs: int) -> Method:
    """The head without its error map: these candidates have no mask in a file."""
    head = head_method(HeadTraining(epochs=epochs, seeds=1, width=4))

    def fit_predict(train: Candidates, test: Candidates, seed: int) -> Predictions:
        return replace(head.fit_predict(train, test, seed), error_map=None)

    return Method(head.name, fit_predict, seeded=True)


def outcome_of(protocol: str, found: Candidates, *methods: Method, seeds: int = 2) -> Outcome:
    outcome = run(protocol, found, methods, seeds)
    assert outcome is not None
    return outcome


def test_what_is_predicted_comes_without_its_labels() -> None:
    found = draw_candidates()
    seen: list[Candidates] = []

    def peek(train: Candidates, test: Candidates, seed: int) -> Predictions:
        seen.append(test)
        assert np.isfinite(train.target).all()
        return Predictions(np.zeros(len(test)))

    outcome_of("leave_one_scene_out", found, Method("peek", peek), seeds=1)

    assert len(seen) == 2
    for test in seen:
        assert np.isnan(test.target).all()
        assert np.isnan(test.components_of()[0].accuracy).all()
        assert not test.errors.any()
        assert not test.labelled.targets.any()
        assert np.isnan(test.labelled.cell_targets).all()
        assert set(test.reference_path) == {""}


@pytest.mark.parametrize("protocol", ["leave_one_scene_out", "leave_one_segmenter_out"])
def test_no_method_changes_with_the_labels_that_it_must_not_see(protocol: str) -> None:
    """With every label of a scene changed, the predictions of that scene stay as they were."""
    found = draw_candidates(("here/east", "here/north", "here/south"), images=5)
    east = found.scene == "here/east"
    accuracy = found.components.accuracy.copy()
    accuracy[np.repeat(east, 4)] = 0.1
    changed = replace(
        found,
        target=np.where(east, 0.1, found.target),
        components=replace(found.components, accuracy=accuracy),
        labelled=replace(
            found.labelled,
            targets=np.where(east, 0.1, found.target).astype(np.float32),
            cell_targets=np.where(east[:, None], 0.1, found.labelled.cell_targets),
        ),
    )
    methods = [quick_head(1), *baselines()]

    first, second = (outcome_of(protocol, table, *methods, seeds=1) for table in (found, changed))

    assert not np.array_equal(first.score.pop("oracle"), second.score.pop("oracle"))
    for name, score in first.score.items():
        assert np.isfinite(score).all(), name
        assert np.array_equal(score[:, east], second.score[name][:, east]), name
        fitted = name not in ("ac", "entropy", "margin", "agreement", "vote", "cleanlab")
        assert np.array_equal(score[:, ~east], second.score[name][:, ~east]) != fitted, name


def test_the_head_is_one_method_among_others() -> None:
    found = draw_candidates(("here/east", "here/north", "here/south"), images=6)
    quick = quick_head(2)

    outcome = outcome_of("leave_one_scene_out", found, quick)

    score = outcome.score["head"]
    assert score.shape == (2, len(found))
    assert ((score >= 0) & (score <= 1)).all()
    assert not np.array_equal(score[0], score[1])
    bounds = outcome.bounds["head"]
    assert (bounds["low90"] <= bounds["low80"]).all()
    assert (bounds["low80"] <= score).all()
    assert (score <= bounds["high80"]).all()
    assert (bounds["high80"] <= bounds["high90"]).all()


def test_figures_are_those_of_the_plain_functions() -> None:
    found = draw_candidates()
    outcome = outcome_of("leave_one_scene_out", found, Method("guess", partial(guess, 0.1)))

    table, _ = figures_of(found, outcome, "guess", 50)

    rows = np.flatnonzero(found.dataset == "here")
    score = outcome.score["guess"][0, rows]
    expected = pooled(score, found.target[rows])
    within = within_image(score, found.target[rows], found.image[rows], outcome.usual[0, rows])
    assert expected is not None
    assert within is not None
    for name in ("srcc", "krcc", "plcc", "mae", "rmse"):
        value = table["guess"][name]
        assert value is not None
        assert value[0] == pytest.approx(getattr(expected, name))
        assert value[1] <= value[0] <= value[2]
    for name in ("top1", "regret_mean", "regret_p95", "gap_closed"):
        value = table["guess"][name]
        assert value is not None
        assert value[0] == pytest.approx(getattr(within, name))


def test_over_data_sets_figures_are_means_of_each() -> None:
    found = draw_candidates()
    outcome = outcome_of("leave_one_dataset_out", found, Method("guess", partial(guess, 0.1)))

    table, _ = figures_of(found, outcome, "guess", 20)

    each = []
    for name in ("here", "there"):
        rows = found.dataset == name
        figures = pooled(outcome.score["guess"][0, rows], found.target[rows])
        assert figures is not None
        each.append(figures.srcc or 0.0)
    value = table["guess"]["srcc"]
    assert value is not None
    assert value[0] == pytest.approx(np.mean(each))


def test_a_gain_is_taken_on_what_both_predict() -> None:
    found = draw_candidates()

    def half(train: Candidates, test: Candidates, seed: int) -> Predictions:
        score = np.full(len(test), 0.6)
        score[::2] = np.nan
        return Predictions(score)

    methods = [Method("guess", partial(guess, 0.1), seeded=True), Method("half", half)]
    outcome = outcome_of("leave_one_scene_out", found, *methods)

    gain = Figures(found, outcome, 30, by_dataset=False).gain("guess", "half")

    rows = np.flatnonzero(np.isfinite(outcome.score["half"][0]))
    error = [np.abs(s[rows] - found.target[rows]).mean() for s in outcome.score["guess"]]
    other = np.abs(0.6 - found.target[rows]).mean()
    assert gain["mae"].shape == (2, 31)
    assert gain["mae"][:, 0] == pytest.approx(other - np.array(error))
    assert interval(gain["srcc"]) is None  # a constant ranks nothing


def test_the_logistic_comes_from_other_scenes() -> None:
    found = draw_candidates()
    method = Method("guess", partial(guess, 0.1))
    plain = outcome_of("leave_one_scene_out", found, method)
    east = found.scene == "here/east"
    changed = replace(found, target=np.where(east, found.target**2, found.target))

    other = outcome_of("leave_one_scene_out", changed, method)

    assert np.array_equal(plain.mapped["guess"][:, east], other.mapped["guess"][:, east])
    north = found.scene == "here/north"
    assert not np.array_equal(plain.mapped["guess"][:, north], other.mapped["guess"][:, north])


def test_intervals_are_counted_overall_and_in_the_worst_group() -> None:
    found = draw_candidates(("here/east", "here/north"), images=12)
    outcome = outcome_of("leave_one_scene_out", found, Method("guess", partial(guess, 0.1)))
    measured = Run(found, ["guess"], 2, 40, outcomes={"leave_one_scene_out": outcome})

    stated = interval_figures(measured, "leave_one_scene_out", "guess", 90)

    assert stated is not None
    score = outcome.score["guess"][0]
    inside = np.abs(score - found.target) <= 0.2
    assert stated["coverage"][0] == pytest.approx(inside.mean())
    assert stated["width"][0] == pytest.approx(0.4)
    by_scene = {s: inside[found.scene == s].mean() for s in np.unique(found.scene)}
    for scene, share in by_scene.items():
        assert stated["groups"]["scene"][scene].coverage == pytest.approx(share)
    assert stated["worst_group"]["coverage"] == pytest.approx(min(by_scene.values()))


def test_error_maps_are_compared_with_masks_and_references(tmp_path: Path) -> None:
    found = draw_candidates(images=3)
    rng = np.random.default_rng(0)
    masks, references = [], []
    for i in range(len(found)):
        for kind, paths in (("mask", masks), ("reference", references)):
            path = tmp_path / f"{kind}{i}.png"
            path.write_bytes(encode_mask(rng.integers(0, 3, (8, 8)).astype(np.uint8)))
            paths.append(str(path))
    found = replace(found, mask_path=np.array(masks), reference_path=np.array(references))
    true_at = {str(path): i for i, path in enumerate(masks)}

    def knowing(train: Candidates, test: Candidates, seed: int) -> Predictions:
        from rsqa_core.raster import read_mask

        def error_map(row: int) -> np.ndarray:
            path = str(test.mask_path[row])
            reference = read_mask(Path(references[true_at[path]]))
            return (read_mask(Path(path)) != reference).astype(float)

        return Predictions(np.zeros(len(test)), error_map=error_map)

    outcome = outcome_of("leave_one_scene_out", found, Method("knowing", knowing))
    measured = Run(found, ["knowing"], 2, 10, outcomes={"leave_one_scene_out": outcome})

    figures = error_map_figures(measured, "leave_one_scene_out")

    assert set(figures) == {"knowing", "1-max_prob", "disagreement"}
    assert figures["knowing"] == pytest.approx((1.0, 1.0, 1.0))
    chance = figures["disagreement"]
    assert chance is not None
    assert chance[0] < 0.7


def test_a_method_that_returns_too_few_scores_is_named() -> None:
    short = Method("short", lambda train, test, seed: Predictions(np.zeros(len(test) - 1)))

    with pytest.raises(InvalidInputError, match="from short on here/east"):
        run("leave_one_scene_out", draw_candidates(), [short], 1)


def test_joined_tables_keep_their_images_and_components() -> None:
    first, second = draw_candidates(seed=1), draw_candidates(seed=2)

    both = joined([first, second])

    rows = np.array([5, len(first) + 7])
    components, owner = both.select(rows).components_of()
    expected = [
        first.components.features[slice(*first.spans[5])],
        second.components.features[slice(*second.spans[7])],
    ]
    assert np.array_equal(components.features, np.concatenate(expected))
    assert owner.tolist() == [0] * 4 + [1] * 4
    inputs = both.labelled.inputs
    semantic = inputs.semantic[inputs.image_of_row[both.head[rows[1]]]]
    expected_semantic = second.labelled.inputs.semantic[second.image[7]]
    assert np.array_equal(semantic, expected_semantic)
