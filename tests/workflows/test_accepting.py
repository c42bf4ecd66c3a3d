"""Spot checks: what they say, when they allow to accept, and the command."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from scipy import stats

from db import Database, open_database
from db.store import acceptances, images, scores, slices, verdicts
from rsqa_core.errors import ConflictError, InvalidInputError, NotFoundError
from rsqa_core.evaluation.sampling import unseen_share
from rsqa_core.files import FileStore
from rsqa_core.records import Score
from rsqa_core.settings import Settings
from tests.db.filled import Filled, fill
from workflows import cli
from workflows.accepting import accept_unseen, check_named, check_results, confident, share_text
from workflows.opening import Installation
from workflows.review_progress import by_day, found_so_far, paces
from workflows.slices import slice_results

COUNT = 30


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Installation]:
    database = open_database(tmp_path / "rsqa.sqlite3")
    yield Installation(Settings(home=tmp_path), database, FileStore(tmp_path / "files"))
    database.close()


@pytest.fixture
def sure(opened: Installation) -> Filled:
    """Thirty images, of which the best candidates of the first twenty are predicted 0.9."""
    filled = fill(opened.database, count=COUNT)
    with opened.database.begin() as session:
        scores.publish(
            session,
            filled.project.id,
            "base",
            [
                Score(filled.of(n, s).id, "base", value, value - 0.25, value + 0.05)
                for n, s in itertools.product(range(COUNT), range(2))
                for value in [0.9 - 0.1 * s if n < 20 else 0.7 - 0.1 * s]
            ],
        )
    return filled


def draw(database: Database, filled: Filled, size: int = 5) -> list[int]:
    """Draw a check and return the numbers of its images."""
    with database.begin() as session:
        check = acceptances.draw_spot_check(
            session,
            filled.project.id,
            name="sure",
            above=0.9,
            size=size,
            seed=1,
            drawn_by="ada",
        )
        drawn = {one.image_id for one in slices.images_of(session, check.slice.id)}
    return [n for n, image in enumerate(filled.images) if image.id in drawn]


def decide(filled: Filled, number: int, score: float, segmenter: int = 0) -> None:
    candidate = filled.of(number, segmenter)
    filled.say("correct", number, candidate_id=candidate.id, score=score, score_shown=0.9)


def test_the_threshold_says_how_many_and_how_many_of_them_may_be_bad(
    opened: Installation, sure: Filled
) -> None:
    found = confident(opened, sure.project)
    assert len(found.scores) == COUNT
    reach = found.above(0.9)
    assert reach.images == 20
    assert reach.mean == pytest.approx(0.9)
    # Half of an interval of 90 % is 0.15: 0.6 lies 0.3 below the score.
    chance = stats.norm.cdf(-0.3 / (0.15 / stats.norm.ppf(0.95)))
    assert reach.bad == pytest.approx(20 * chance, rel=1e-6)
    assert reach.low <= reach.bad <= reach.high
    assert found.above(0.95).images == 0
    assert found.above(0.95).mean is None


def test_a_check_says_what_was_found_and_allows_only_when_all_was_looked_at(
    opened: Installation, sure: Filled
) -> None:
    first, second, third, fourth, fifth = draw(opened.database, sure)
    decide(sure, first, 0.8)
    decide(sure, second, 0.5)  # not acceptable
    sure.say("none_acceptable", third)
    sure.say("note", fifth, note="dark")
    decide(sure, fourth, 0.9, segmenter=1)  # the other candidate says nothing of the best one
    (result,) = check_results(opened, sure.project)
    assert (result.looked_at, result.bad, result.passed, result.complete) == (3, 2, 0, False)
    assert result.share is None
    assert result.to_accept == 15
    with pytest.raises(ConflictError, match="not complete"):
        share_text(result)
    with pytest.raises(ConflictError, match="3 of the 5"):
        accept_unseen(opened, sure.project, "sure", above=0.9, accepted_by="ada")

    decide(sure, fourth, 0.85)
    sure.say("skip", fifth)
    (result,) = check_results(opened, sure.project)
    assert (result.looked_at, result.bad, result.passed, result.complete) == (5, 3, 1, True)
    assert result.share == unseen_share(3, 5, 20)
    assert result.error is not None
    assert result.error.mean == pytest.approx((0.1 + 0.4 + 0.05) / 3)
    text = share_text(result)
    assert "3 of 5 looked at are not acceptable" in text
    assert "60.0 %" in text
    assert "1 were skipped or flagged" in text

    with pytest.raises(ConflictError, match=r"says nothing of 0\.8"):
        accept_unseen(opened, sure.project, "sure", above=0.8, accepted_by="ada")
    with pytest.raises(NotFoundError, match="spot check"):
        check_named(opened, sure.project, "other")
    made = accept_unseen(opened, sure.project, "sure", above=0.9, accepted_by="ada")
    assert made.accepted == 15


def test_what_was_accepted_unseen_counts_as_nobodys_work_and_no_figure_has_it(
    opened: Installation, sure: Filled
) -> None:
    for number in draw(opened.database, sure):
        decide(sure, number, 0.9)
    with opened.database.read() as session:
        before = verdicts.effective(session, sure.project.id)
        best = scores.best_of_images(session, sure.project.id)
    accept_unseen(opened, sure.project, "sure", above=0.9, accepted_by="zoe")
    with opened.database.read() as session:
        after = verdicts.effective(session, sure.project.id)
        status = images.count_by_status(session, sure.project.id)
    assert status == {"open": 10, "reviewed": 5, "accepted": 15}
    assert len(after) == len(before) + 15
    assert paces(after) == paces(before)
    assert found_so_far(after, best) == found_so_far(before, best)
    assert by_day(after, dt.UTC) == by_day(before, dt.UTC)
    assert slice_results(opened, sure.project, after) == []


@pytest.mark.parametrize(("population", "size"), [(12, 5), (40, 10)])
def test_the_interval_of_a_share_holds_what_it_states(population: int, size: int) -> None:
    """For every true number of bad ones, the interval misses it in at most 5 % of all draws."""
    for bad in range(population + 1):
        missed = 0.0
        for hits in range(max(0, size - (population - bad)), min(bad, size) + 1):
            found = unseen_share(hits, size, population)
            assert found.low is not None
            assert found.high is not None
            truth = (bad - hits) / (population - size)
            if not found.low - 1e-9 <= truth <= found.high + 1e-9:
                missed += float(stats.hypergeom.pmf(hits, population, bad, size))
        assert missed <= 0.05 + 1e-9


def test_a_share_of_an_endless_population_has_the_interval_of_clopper_and_pearson() -> None:
    found = unseen_share(2, 20, 200_000)
    exact = stats.binomtest(2, 20).proportion_ci(0.95, "exact")
    assert found.low == pytest.approx(exact.low, abs=1e-3)
    assert found.high == pytest.approx(exact.high, abs=1e-3)


@pytest.mark.parametrize(
    ("hits", "size", "population"), [(-1, 5, 9), (6, 5, 9), (0, 0, 9), (0, 9, 9)]
)
def test_numbers_that_contradict_one_another_are_refused(
    hits: int, size: int, population: int
) -> None:
    with pytest.raises(InvalidInputError):
        unseen_share(hits, size, population)


def test_the_command_draws_waits_accepts_and_takes_back(
    opened: Installation, sure: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.opening.open_installation", lambda: opened)

    def run(*more: str) -> str:
        words = ["accept", "--project", "town", "--above", "0.9", "--spot-check", "c", *more]
        result = CliRunner().invoke(cli.rsqa, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            return f"{type(result.exception).__name__}: {result.exception}"
        assert result.exit_code == 0, result.output
        return str(result.output)

    assert "20 images are predicted 0.9 or better" in run("--dry-run")
    with opened.database.read() as session:
        assert acceptances.spot_checks(session, sure.project.id) == []
    assert "Drew 4 of them as 'c'" in run("--images", "4")
    assert "ConflictError" in run()
    with opened.database.read() as session:
        (drawn,) = slices.all_of(session, sure.project.id)
        ids = {one.image_id for one in slices.images_of(session, drawn.id)}
    for number, image in enumerate(sure.images):
        if image.id in ids:
            decide(sure, number, 0.88)
    dry = run("--dry-run")
    assert "0 of 4 looked at are not acceptable" in dry
    assert "16 images would be accepted" in dry
    assert "Accepted 16 images unseen" in run()
    assert "16 images accepted after 'c' can be taken back" in run("--take-back", "--dry-run")
    assert "Took back 16" in run("--take-back")
    with opened.database.read() as session:
        assert images.count_by_status(session, sure.project.id)["open"] == 26
