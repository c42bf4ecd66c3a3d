"""Model cards: what was trained, on what, how well it does, and how to train it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rsqa_core.evaluation.agreement import pooled
from rsqa_core.features.names import FEATURE_NAMES
from rsqa_core.files import write_atomically
from rsqa_core.heads.card import RISK, HeadCard
from rsqa_core.heads.head import BASE_HEAD, QualityHead
from rsqa_core.training.head_data import HeadData
from rsqa_core.training.qualifying import out_of_fold


def write_card(
    path: Path, title: str, about: Mapping[str, str], figures: Mapping[str, Mapping[str, float]]
) -> None:
    """Write a card as Markdown.

    Args:
        about: one line of text by its heading (data, split, command, commit, licence…).
        figures: name of a data set: figure by its name.
    """
    lines = [f"# {title}", ""]
    lines += [f"- {heading}: {text}" for heading, text in about.items()]
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    lines += ["", "| measured on | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for data, row in figures.items():
        cells = " | ".join(f"{row[name]:.3f}" if name in row else "" for name in names)
        lines.append(f"| {data} | {cells} |")
    write_atomically(path, ("\n".join(lines) + "\n").encode())


def base_head_figures(head: QualityHead, data: HeadData) -> dict[str, Any]:
    """Measure a base head on its held-out folds, each scored by members that never saw it."""
    folds = np.array(data.fold_names)[data.image_of_row]
    rows, prediction = out_of_fold(head, data)
    target = data.targets[rows].astype(np.float64)
    inside = (prediction.low <= target) & (target <= prediction.high)
    max_prob = data.inputs.rows[rows, FEATURE_NAMES.index("max_prob_mean")].astype(np.float64)
    figures: dict[str, Any] = {}
    for fold in ["all", *sorted(set(folds[rows].tolist()))]:
        chosen = np.ones(len(rows), bool) if fold == "all" else folds[rows] == fold
        ours = pooled(prediction.score[chosen], target[chosen])
        plain = pooled(max_prob[chosen], target[chosen])
        if ours is None or plain is None:
            continue
        figures[fold] = {
            "candidates": float(ours.n),
            "srcc": ours.srcc or 0.0,
            "mae": ours.mae,
            "coverage": float(inside[chosen].mean()),
            "ac_srcc": plain.srcc or 0.0,
            "ac_mae": plain.mae,
        }
    return {
        "held_out_folds": figures,
        "best_margin": head.card.best_margin,
        "best_risk": RISK,
    }


def write_base_head_card(folder: Path, card: HeadCard, figures: Mapping[str, Any]) -> None:
    """Write the base head's card as Markdown and its figures as JSON."""
    about = {
        "what": "cross-gating head, an ensemble of "
        f"{len(card.member_fold)} members over {len(card.folds)} folds",
        "trained on": "; ".join(card.trained_on),
        "encoder": f"{card.encoder_name} ({card.encoder_fingerprint[:12]})",
        "held-out figures": "every fold is scored by members that never saw it",
        "command": "rsqa train-head "
        + " ".join(f"--project {line.split(':')[0].split()[-1]}" for line in card.trained_on),
        "commit": str(figures["commit"]),
        "seed": str(figures["seed"]),
        "licence": "Apache-2.0",
    }
    write_card(folder / f"{BASE_HEAD}.md", "Base quality head", about, figures["held_out_folds"])
    text = json.dumps(dict(figures), indent=1, allow_nan=False)
    write_atomically(folder / f"{BASE_HEAD}.json", (text + "\n").encode())
