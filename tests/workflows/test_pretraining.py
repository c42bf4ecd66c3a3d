"""``rsqa pretrain`` from its options to weights, card and report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from rsqa_core.encoders.openclip import load_compact
from rsqa_core.errors import CancelledError, InvalidInputError
from rsqa_core.training import encoder as encoder_training
from rsqa_core.training.contrastive import ContrastiveTraining
from rsqa_core.training.pretraining import Recipe
from tests.workflows.harbour import SLUG
from workflows import pretraining
from workflows.commands import pretrain as pretrain_command
from workflows.opening import Installation
from workflows.pretraining import PretrainingOutcome, PretrainingRequest, pretrain_and_save

RECIPE = Recipe(ContrastiveTraining(steps=4, batch=4, side_px=32))
HARBOUR = PretrainingRequest(project=SLUG, scenes=("north", "south"), crops=40)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Measuring takes seconds at full size; this only notes on how many scenes it was asked."""
    asked: list[int] = []

    def evaluate(encoder: Any, scenes: Sequence[Any], classes: Sequence[str]) -> Any:
        asked.append(len(scenes))
        return {"token_accuracy": 0.5, "chance": 0.25}

    monkeypatch.setattr(encoder_training, "evaluate_encoder", evaluate)
    return asked


def test_weights_card_and_report_are_written_from_crops_of_a_project(
    imported: Installation, tmp_path: Path, measured: list[int]
) -> None:
    folder = tmp_path / "out"

    outcome = pretrain_and_save(
        imported, HARBOUR, RECIPE, folder=folder, device="cpu", command="rsqa pretrain --project x"
    )

    assert outcome.path == folder / "rsqa-compact.safetensors"
    assert load_compact(outcome.path).dim == 128
    assert outcome.figures == {"west": {"token_accuracy": 0.5, "chance": 0.25}}
    assert measured == [1]
    card = (folder / "rsqa-compact.md").read_text()
    assert "40 crops of scenes north, south of project harbour" in card
    assert "50% of the crops stand for coarse pairs, 30% of which" in card
    assert "- command: rsqa pretrain --project x\n" in card
    assert "| west | 0.500 | 0.250 |" in card
    report = json.loads((folder / "rsqa-compact.purification.json").read_text())
    assert report["kept"] + report["refined"] + report["discarded"] == report["coarse"]
    assert report["coarse"] + report["trusted"] == 40
    assert sum(sum(group.values()) for group in report["corruption"].values()) == report["coarse"]
    assert report["options"]["semantic_share"] == RECIPE.semantic_share
    assert not list((imported.settings.home / "training").glob("*"))


def test_files_of_pairs_are_trained_on_without_a_project_and_bad_rows_told(
    imported: Installation, tmp_path: Path, measured: list[int]
) -> None:
    rng = np.random.default_rng(0)
    for i in range(6):
        Image.fromarray(rng.integers(0, 256, size=(20, 30, 3)).astype(np.uint8)).save(
            tmp_path / f"{i}.png"
        )
    rows = "".join(f"{i}.png,image number {i}\n" for i in range(6))
    for name, more in (("good.csv", ""), ("all.csv", "gone.png,nothing\n")):
        (tmp_path / name).write_text("filepath,title\n" + rows + more)
    request = PretrainingRequest(trusted=(tmp_path / "good.csv",), coarse=(tmp_path / "all.csv",))

    outcome = pretrain_and_save(imported, request, RECIPE, folder=tmp_path / "out", device="cpu")

    report = json.loads(outcome.path.with_suffix(".purification.json").read_text())
    assert report["coarse"] == report["trusted"] == 6
    assert [each["name"] for each in report["left_out"]] == ["all.csv line 8, gone.png"]
    assert outcome.figures == {}
    assert measured == []
    assert "pairs of good.csv; pairs of all.csv" in outcome.path.with_suffix(".md").read_text()


def test_a_stopped_run_leaves_checkpoints_to_go_on_from(
    imported: Installation, tmp_path: Path
) -> None:
    def stopping(step: str, done: int, total: int) -> None:
        if "purified" in step:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        pretrain_and_save(
            imported, HARBOUR, RECIPE, folder=tmp_path, device="cpu", progress=stopping
        )

    left = [path.name for path in (imported.settings.home / "training").iterdir()]
    assert left == ["pretrain-semantic.pt"]
    assert not list(tmp_path.glob("*.safetensors"))


def test_nothing_to_train_on_is_refused(imported: Installation, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="Name a project with reference masks or a file"):
        pretrain_and_save(imported, PretrainingRequest(), RECIPE, folder=tmp_path)


@pytest.mark.parametrize(
    ("start", "side"), [("random", 128), ("rsqa-compact", 128), ("ViT-B-32:openai", 224)]
)
def test_training_images_have_the_side_that_the_start_takes(start: str, side: int) -> None:
    assert pretraining.default_side_px(start) == side


def test_the_command_passes_its_options_on_and_prints_what_came_out(
    imported: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def train(
        installation: Installation, request: PretrainingRequest, recipe: Recipe, **more: Any
    ) -> PretrainingOutcome:
        del more["progress"], more["command"]
        asked.update(request=request, recipe=recipe, **more)
        row = {"token_accuracy": 0.625, "chance": 0.5}
        counts = {"coarse": 9, "kept": 4, "refined": 3, "discarded": 2}
        return PretrainingOutcome(tmp_path / "x.safetensors", {"west": row}, counts)

    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))
    monkeypatch.setattr(pretraining, "pretrain_and_save", train)
    options = ["--project", SLUG, "--scene", "north", "--generated", "0", "--crops", "30"]
    more = ["--steps", "7", "--seed", "3", "--discard-below", "0.1", "--mask-column", "mask"]
    paths = ["--trusted", "a.csv", "--coarse", "b.tar", "--coarse", "c", "--out", str(tmp_path)]

    result = CliRunner().invoke(
        pretrain_command.command, [*options, *more, *paths, "--device", "cpu"]
    )

    assert result.exit_code == 0, result.output
    assert asked["request"] == replace(
        HARBOUR,
        scenes=("north",),
        crops=30,
        trusted=(Path("a.csv"),),
        coarse=(Path("b.tar"), Path("c")),
        columns=("filepath", "title", "mask"),
    )
    recipe = asked["recipe"]
    assert (recipe.training.steps, recipe.training.seed, recipe.training.side_px) == (7, 3, 128)
    assert recipe.training.learning_rate == 1.5e-3
    assert recipe.purification.discard_below == 0.1
    assert (asked["folder"], asked["device"]) == (tmp_path, "cpu")
    assert "west: zero-shot class of image parts right in 62.5%" in result.output
    assert "Of 9 coarse pairs 4 kept, 3 with a refined caption, 2 discarded." in result.output


def test_a_trained_start_takes_small_steps_by_default(
    imported: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []

    def train(*_: Any, **__: Any) -> PretrainingOutcome:
        rates.append(_[2].training.learning_rate)
        return PretrainingOutcome(Path("x"))

    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))
    monkeypatch.setattr(pretraining, "pretrain_and_save", train)
    for start in ([], ["--start", "rsqa-compact"], ["--start", "x", "--learning-rate", "0.1"]):
        assert CliRunner().invoke(pretrain_command.command, start).exit_code == 0

    assert rates == [1.5e-3, 5e-5, 0.1]


def test_of_several_processes_only_the_first_speaks(
    imported: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RSQA_HOME", str(imported.settings.home))
    monkeypatch.setattr(
        pretraining, "pretrain_and_save", lambda *_, **__: PretrainingOutcome(Path("x"))
    )
    said = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        said.append(CliRunner().invoke(pretrain_command.command, []).output)

    assert said == ["Wrote x, its card and its report.\n", ""]
