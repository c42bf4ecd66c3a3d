"""What the purification of captions is worth, on real tiles.

``python -m benchmarks.purification --home DIR --project dubai-all`` works on an installation whose
project has reference masks of six scenes. Pairs are crops of tile1, tile3 and tile5 with captions
composed from the masks. A fifth of them is trusted; of the coarse rest half carries the caption of
another crop, which is 40 % of all captions. The compact model is trained from random weights, an
equal number of steps in each arm:

- trusted: on the trusted pairs alone;
- all: on trusted and coarse pairs as they come;
- purified: by the recipe, CLIP_Sem included in the count of steps;
- clean: on all pairs with their right captions, which no arm could have in practice.

Reference masks are kept back from all of them: low-quality captions are refined from the closest
trusted images, and there is no region term. On crops of tile2, tile6 and tile7 it measures
zero-shot tagging of the land cover (which class prompt is nearest, against the commonest class of
the crop) and the retrieval of a crop's own caption. Shares of the purification are set beforehand.
One row an arm and seed goes to benchmarks/results/purification.csv.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.record import RESULTS, append_row
from db.store import projects
from rsqa_core.encoders.captions import class_prompts
from rsqa_core.records import VOID
from rsqa_core.settings import Settings
from rsqa_core.training.contrastive import ContrastiveTraining, train_contrastive
from rsqa_core.training.crops import LabelledScene
from rsqa_core.training.pairs import pick
from rsqa_core.training.pairs.scene_crops import SceneCropOptions, SceneCropPairs
from rsqa_core.training.pretraining import Recipe, pretrain
from rsqa_core.training.purification import PurificationOptions, corruption_found
from rsqa_core.training.towers import RANDOM, Towers, start_towers
from workflows.opening import open_installation
from workflows.training import labelled_scenes

ARMS = ("trusted", "all", "purified", "clean")
TRAINED, HELD_OUT = ("tile1", "tile3", "tile5"), ("tile2", "tile6", "tile7")
FIGURES = ("tagging_accuracy", "tagging_class_mean", "retrieval_at_5")
_CHUNK = 64


@dataclass(frozen=True)
class Ablation:
    """What all arms share."""

    pairs: int = 2000
    held_out: int = 256
    side_px: int = 64
    steps: int = 200
    batch: int = 32
    learning_rate: float = 1.5e-3
    coarse_share: float = 0.8
    corrupted_share: float = 0.5
    discard_share: float = 0.3
    refine_share: float = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--project", default="dubai-all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--steps", type=int, default=Ablation.steps)
    parser.add_argument("--out", type=Path, default=RESULTS / "purification.csv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    installation = open_installation(Settings(home=options.home.resolve()))
    with installation.database.read() as session:
        classes = [c.name for c in projects.get(session, options.project).classes]
    trained = labelled_scenes(installation, options.project, TRAINED, 0, 0)
    held_out = labelled_scenes(installation, options.project, HELD_OUT, 0, 0)
    setting = replace(Ablation(), steps=options.steps)
    rows: list[dict[str, float | str]] = []
    for seed in range(options.seeds):
        for arm in options.arms:
            figures = run_arm(arm, trained, held_out, classes, setting, seed)
            append_row(
                options.out,
                {
                    "project": options.project,
                    "arm": arm,
                    "seed": seed,
                    "steps": setting.steps,
                    "pairs": setting.pairs,
                    "side_px": setting.side_px,
                },
                {name: round(value, 4) for name, value in figures.items()},
            )
            rows.append({"arm": arm, "seed": seed, **figures})
            print(f"seed {seed}, {arm}: {figures}", flush=True)
    print(summary(rows))


def run_arm(
    arm: str,
    trained: Sequence[LabelledScene],
    held_out: Sequence[LabelledScene],
    classes: Sequence[str],
    setting: Ablation,
    seed: int,
    start: Callable[[int], Towers] = lambda seed: start_towers(RANDOM, seed=seed),
) -> dict[str, float]:
    """Train one arm and measure it on crops of the held-out scenes, the same for every arm."""
    source = SceneCropPairs(
        trained,
        classes,
        SceneCropOptions(
            count=setting.pairs,
            side_px=setting.side_px,
            coarse_share=setting.coarse_share,
            corrupted_share=0.0 if arm == "clean" else setting.corrupted_share,
            masks=False,
            seed=seed,
        ),
    )
    training = ContrastiveTraining(
        steps=setting.steps,
        batch=setting.batch,
        side_px=setting.side_px,
        learning_rate=setting.learning_rate,
        region_weight=0.0,
        precision="bfloat16",
        seed=seed,
    )
    towers = start(seed)
    found: dict[str, float] = {}
    if arm == "purified":
        shares = PurificationOptions(
            discard_share=setting.discard_share, refine_share=setting.refine_share
        )
        recipe = Recipe(training, purification=shares)
        result = pretrain(towers, [source], (), recipe)
        for group, counts in corruption_found(result.fates).items():
            total = sum(counts.values())
            found |= {f"{group}_{name}": count / total for name, count in counts.items()}
    else:
        pairs = pick([source], trusted=True)
        if arm != "trusted":
            pairs += pick([source], trusted=False)
        train_contrastive(towers, pairs, (), training)
    return measure(towers, held_out, classes, setting) | found


def measure(
    towers: Towers, scenes: Sequence[LabelledScene], classes: Sequence[str], setting: Ablation
) -> dict[str, float]:
    """Return zero-shot tagging, overall and as a mean over classes, and retrieval, all in [0, 1].

    A caption counts as retrieved when fewer than five other wordings are nearer to the image.
    """
    crops = SceneCropPairs(
        scenes,
        classes,
        SceneCropOptions(count=setting.held_out, side_px=setting.side_px, seed=1_000_003),
    )
    prompts = [towers.embed_texts(class_prompts(name), "cpu").mean(axis=0) for name in classes]
    texts = np.stack([row / np.linalg.norm(row) for row in prompts])
    images, commonest = [], []
    for first in range(0, setting.held_out, _CHUNK):
        chunk = [crops.picture(i) for i in range(first, min(first + _CHUNK, setting.held_out))]
        images.append(towers.embed_images([rgb for rgb, _ in chunk], setting.side_px, "cpu"))
        commonest += [int(np.bincount(m[m != VOID]).argmax()) for _, m in chunk if m is not None]
    unit, truth = np.concatenate(images), np.array(commonest)
    right = (unit @ texts.T).argmax(axis=1) == truth
    own = [entry.caption for entry in crops.entries]
    wordings = sorted(set(own))
    said = np.concatenate(
        [
            towers.embed_texts(wordings[first : first + _CHUNK], "cpu")
            for first in range(0, len(wordings), _CHUNK)
        ]
    )
    similarity = unit @ said.T
    place = np.array([wordings.index(caption) for caption in own])
    rank = (similarity > similarity[np.arange(len(own)), place][:, None]).sum(axis=1)
    return {
        "tagging_accuracy": float(right.mean()),
        "tagging_class_mean": float(np.mean([right[truth == k].mean() for k in np.unique(truth)])),
        "retrieval_at_5": float((rank < 5).mean()),
        "chance_tagging": float(np.bincount(truth).max() / len(truth)),
        "chance_retrieval": 5 / len(wordings),
    }


def summary(rows: Sequence[Mapping[str, float | str]]) -> str:
    """Return mean and standard deviation over seeds by arm, and paired gains of the purified arm.

    The deviation is that of the seeds, with one degree of freedom less.
    """
    arms = [arm for arm in ARMS if any(row["arm"] == arm for row in rows)]
    lines = ["| arm | " + " | ".join(FIGURES) + " |", "|---" * (len(FIGURES) + 1) + "|"]
    by_arm = {
        arm: {name: np.array([float(r[name]) for r in rows if r["arm"] == arm]) for name in FIGURES}
        for arm in arms
    }
    for arm in arms:
        cells = [_spread(by_arm[arm][name]) for name in FIGURES]
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    for other in ("trusted", "all"):
        if "purified" in by_arm and other in by_arm:
            cells = [
                _spread(by_arm["purified"][name] - by_arm[other][name], sign=True)
                for name in FIGURES
            ]
            lines.append(f"| purified - {other}, paired | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(values: np.ndarray[tuple[int], np.dtype[np.float64]], *, sign: bool = False) -> str:
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return f"{np.mean(values):{'+' if sign else ''}.3f} ± {deviation:.3f}"


if __name__ == "__main__":
    main()
