"""What was predicted is not predicted again, until something that it depends on changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.candidates import Candidates
from benchmarks.quality.keeping import Keeper
from benchmarks.quality.methods import Method, Predictions
from benchmarks.quality.protocol import BOUNDS, run
from tests.benchmarks.quality.drawn import draw_candidates

PROTOCOL = "leave_one_scene_out"


class Counted:
    """A method that counts how often it is asked, and can be made to fail."""

    def __init__(self, fails_at: int = -1) -> None:
        self.asked = 0
        self.fails_at = fails_at

    def fit_predict(self, train: Candidates, test: Candidates, seed: int) -> Predictions:
        if self.asked == self.fails_at:
            raise KeyboardInterrupt
        self.asked += 1
        score = np.linspace(0.2, 0.8, len(test)) + 0.01 * seed
        return Predictions(score, score - 0.1, score + 0.1, score - 0.2, score + 0.2)

    def method(self, identity: str = "plain") -> Method:
        return Method("counted", self.fit_predict, seeded=True, identity=identity)


def test_a_run_that_was_ended_goes_on(tmp_path: Path) -> None:
    found = draw_candidates()
    keeper = Keeper.of(tmp_path, found)
    ended, resumed, whole = Counted(fails_at=3), Counted(), Counted()

    with pytest.raises(KeyboardInterrupt):
        run(PROTOCOL, found, [ended.method()], 3, keeper=keeper)
    assert ended.asked == 3  # both scenes with the first seed, one with the second
    first = run(PROTOCOL, found, [resumed.method()], 3, keeper=keeper)
    alone = run(PROTOCOL, found, [whole.method()], 3)

    assert (resumed.asked, whole.asked) == (4, 6)
    assert first is not None
    assert alone is not None
    np.testing.assert_array_equal(first.score["counted"], alone.score["counted"])
    for name in BOUNDS:
        own, other = (outcome.bounds["counted"][name] for outcome in (first, alone))
        np.testing.assert_array_equal(own, other)
    again = Counted()
    second = run(PROTOCOL, found, [again.method()], 3, keeper=keeper)
    assert again.asked == 0
    assert second is not None
    assert second.seconds == first.seconds


def test_another_method_other_candidates_or_other_code_are_asked_anew(tmp_path: Path) -> None:
    found = draw_candidates()
    for place in ("rsqa_core", "benchmarks/quality"):
        (tmp_path / "code" / place).mkdir(parents=True)
    code = tmp_path / "code" / "rsqa_core" / "head.py"
    code.write_text("width = 8\n")
    kept = tmp_path / "kept"

    def asked(found: Candidates = found, identity: str = "plain") -> int:
        one = Counted()
        keeper = Keeper.of(kept, found, tmp_path / "code")
        run(PROTOCOL, found, [one.method(identity)], 1, keeper=keeper)
        return one.asked

    assert [asked(), asked()] == [2, 0]
    assert [asked(identity="wider"), asked(identity="wider")] == [2, 0]
    other = replace(found, target=np.clip(found.target + 0.01, 0, 1))
    assert [asked(other), asked(other), asked()] == [2, 0, 0]
    code.write_text("width = 9\n")
    assert asked() == 2
    (damaged,) = (path for path in kept.iterdir() if path.stat().st_mtime_ns == newest(kept))
    damaged.write_bytes(damaged.read_bytes()[:-40])
    assert asked() == 2
    assert [asked(identity=""), asked(identity="")] == [2, 2]  # quick ones are not kept


def newest(folder: Path) -> int:
    return max(path.stat().st_mtime_ns for path in folder.iterdir())


def test_a_prediction_without_an_error_map_does_not_stand_in_for_one_with(tmp_path: Path) -> None:
    found = draw_candidates()
    keeper = Keeper.of(tmp_path, found)
    without, mapped = Counted(), Counted()
    run(PROTOCOL, found, [without.method()], 2, keeper=keeper)

    run(PROTOCOL, found, [replace(mapped.method(), maps_errors=True)], 2, keeper=keeper)

    assert mapped.asked == 2  # both scenes, with the one seed whose map counts
