"""Pre-train an encoder by the CLIP-RS recipe and write it with its card and its purification."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from db.store import projects
from rsqa_core.errors import InvalidInputError
from rsqa_core.files import write_atomically
from rsqa_core.progress import Progress, no_progress
from workflows.opening import Installation
from workflows.training import (
    SEGMENTER_SEEDS,
    current_commit,
    labelled_scenes,
    scenes_with_reference,
)

if TYPE_CHECKING:
    from rsqa_core.training.pairs import PairSource
    from rsqa_core.training.pretraining import Pretrained, Recipe


@dataclass(frozen=True, slots=True)
class PretrainingRequest:
    """What an encoder is pre-trained on, and from where.

    Attributes:
        start: ``random`` for the compact model from nothing, or the name of an encoder.
        project: slug of a project with reference masks that crops are taken from, if any.
        scenes: of that project; the others are measured.
        generated: number of generated scenes beside them.
        crops: number of crops that are taken from all of these scenes.
        coarse_share: share of the crops that counts as coarse.
        corrupted_share: share of the coarse crops that get the caption of another crop.
        trusted: files of pairs whose captions are good (see `open_pairs`).
        coarse: files of pairs whose captions are to be purified.
        columns: names of the image, the caption and the mask column of tables.
        images: folder that image paths start from; default: that of each file.
    """

    start: str = "random"
    project: str | None = None
    scenes: tuple[str, ...] = ()
    generated: int = 0
    crops: int = 20_000
    coarse_share: float = 0.5
    corrupted_share: float = 0.3
    trusted: tuple[Path, ...] = ()
    coarse: tuple[Path, ...] = ()
    columns: tuple[str, str, str | None] = ("filepath", "title", None)
    images: Path | None = None


@dataclass(frozen=True, slots=True)
class PretrainingOutcome:
    """Where the weights are, the figures by held-out scene, and the purification in numbers."""

    path: Path
    figures: dict[str, dict[str, float]] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)


def pretrain_and_save(
    installation: Installation,
    request: PretrainingRequest,
    recipe: Recipe,
    *,
    folder: Path,
    device: str = "auto",
    command: str = "",
    progress: Progress = no_progress,
) -> PretrainingOutcome:
    """Pre-train an encoder; process 0 writes weights, card and report to ``folder``.

    Started by torchrun, the processes share the work. A stopped run goes on from its checkpoints
    in the installation's folder ``training``.

    Args:
        device: ``cpu``, ``cuda`` or ``auto``.
        command: how the card says that this is repeated.

    Raises:
        InvalidInputError: there are no trusted pairs, a file of pairs is not one, or an option is
            out of range.
    """
    from rsqa_core.training.encoder import save_encoder
    from rsqa_core.training.pretraining import pretrain
    from rsqa_core.training.processes import joined_processes, process_rank
    from rsqa_core.training.towers import start_towers

    settings = installation.settings
    checkpoints = settings.home / "training"
    classes = _classes_of(installation, request)
    sources = open_sources(installation, request, recipe)
    name = _name_of(request.start)
    path = folder / f"{name.replace('/', '-')}.safetensors"
    with joined_processes(device) as chosen:
        towers = start_towers(
            request.start,
            seed=recipe.training.seed,
            cache_dir=settings.home / "encoders",
            offline=settings.offline,
        )
        result = pretrain(
            towers,
            sources,
            classes,
            recipe,
            device=chosen,
            folder=checkpoints,
            progress=progress,
        )
        if process_rank() != 0:
            return PretrainingOutcome(path)
        save_encoder(path, towers.model.cpu(), name)
        figures = measure_encoder(installation, path, request)
        _write_report(path, request, recipe, result, figures, command)
        for checkpoint in checkpoints.glob("pretrain-*.pt"):
            checkpoint.unlink()
    return PretrainingOutcome(path, figures, result.report)


def open_sources(
    installation: Installation, request: PretrainingRequest, recipe: Recipe
) -> list[PairSource]:
    """Open every source that a request names: crops of labelled scenes, and files of pairs.

    Raises:
        InvalidInputError: none is named, or one cannot be opened.
    """
    from rsqa_core.training.pairs.scene_crops import SceneCropOptions, SceneCropPairs

    found: list[PairSource] = []
    if request.project is not None:
        scenes = labelled_scenes(
            installation, request.project, request.scenes, request.generated, SEGMENTER_SEEDS
        )
        options = SceneCropOptions(
            count=request.crops,
            side_px=recipe.training.side_px,
            coarse_share=request.coarse_share,
            corrupted_share=request.corrupted_share,
            seed=recipe.training.seed,
        )
        found.append(SceneCropPairs(scenes, _classes_of(installation, request), options))
    if request.trusted or request.coarse:
        from rsqa_core.training.pairs.opening import open_pairs
    for trusted, paths in ((True, request.trusted), (False, request.coarse)):
        found += [
            open_pairs(path, trusted=trusted, columns=request.columns, images=request.images)
            for path in paths
        ]
    if not found:
        raise InvalidInputError(
            "Nothing to train on. Name a project with reference masks or a file of pairs."
        )
    return found


def default_side_px(start: str) -> int:
    """Return the side of training images for a start.

    The compact model trains at half its input's side; others take the side of their architecture,
    which vision transformers cannot change.
    """
    import open_clip

    from rsqa_core.encoders.openclip import COMPACT

    name = _name_of(start)
    if name == COMPACT:
        return 128
    config = open_clip.get_model_config(name) or {}
    side = config.get("vision_cfg", {}).get("image_size", 224)
    return int(side if isinstance(side, int) else side[0])


def measure_encoder(
    installation: Installation, path: Path, request: PretrainingRequest
) -> dict[str, dict[str, float]]:
    """Return zero-shot figures on each labelled scene of the project that was not trained on."""
    from rsqa_core.encoders.openclip import COMPACT, load_compact, load_encoder
    from rsqa_core.training.encoder import evaluate_encoder

    if request.project is None:
        return {}
    name = _name_of(request.start)
    encoder = load_compact(path) if name == COMPACT else load_encoder(f"{name}:{path}")
    classes = _classes_of(installation, request)
    return {
        scene: evaluate_encoder(
            encoder, labelled_scenes(installation, request.project, [scene], 0, 0), classes
        )
        for scene in scenes_with_reference(installation, request.project)
        if scene not in request.scenes
    }


def _classes_of(installation: Installation, request: PretrainingRequest) -> Sequence[str]:
    if request.project is None:
        return ()
    with installation.database.read() as session:
        return [c.name for c in projects.get(session, request.project).classes]


def _name_of(start: str) -> str:
    """Return the architecture that a start has: what its weights are loaded as."""
    from rsqa_core.encoders.openclip import COMPACT
    from rsqa_core.training.towers import RANDOM

    return COMPACT if start == RANDOM else start.partition(":")[0]


def _write_report(
    path: Path,
    request: PretrainingRequest,
    recipe: Recipe,
    result: Pretrained,
    figures: Mapping[str, Mapping[str, float]],
    command: str,
) -> None:
    from rsqa_core.encoders.openclip import COMPACT
    from rsqa_core.training.cards import write_card
    from rsqa_core.training.purification import corruption_found

    architecture = f"{_name_of(request.start)} of open_clip"
    if path.stem == COMPACT:
        architecture = (
            "open_clip with a regnety_002 image tower and a three-layer text tower, 128 shared "
            "dimensions"
        )
    training, purification = recipe.training, recipe.purification
    data = []
    if request.project is not None:
        data.append(
            f"{request.crops} crops of scenes {', '.join(request.scenes)} of project "
            f"{request.project} and of {request.generated} generated scenes from seed "
            f"{SEGMENTER_SEEDS}; captions composed from their masks"
        )
        if request.coarse_share:
            data.append(
                f"{request.coarse_share:.0%} of the crops stand for coarse pairs, "
                f"{request.corrupted_share:.0%} of which carry the caption of another crop"
            )
    data += [f"pairs of {each.name}" for each in (*request.trusted, *request.coarse)]
    about = {
        "architecture": architecture,
        "start": request.start,
        "data": "; ".join(data),
        "split": "by scene; the table shows scenes that it never saw",
        "recipe": f"{training.steps} steps of {training.batch} pairs at {training.side_px} px, "
        f"{recipe.semantic_share:.0%} of them on the trusted pairs alone; "
        + (
            f"of {result.report['coarse']} coarse pairs {result.report['kept']} kept, "
            f"{result.report['refined']} with a refined caption, "
            f"{result.report['discarded']} discarded ({path.stem}.purification.json)"
            if result.report
            else "no coarse pairs"
        ),
        "precision": training.precision,
        "seed": str(training.seed),
        "commit": current_commit(),
        "command": command or "rsqa pretrain",
        "licence": "Apache-2.0, as far as the data allow it; the Dubai imagery is CC0 1.0",
    }
    write_card(path.with_suffix(".md"), path.stem, about, figures)
    told = {
        **result.report,
        **({"corruption": found} if (found := corruption_found(result.fates)) else {}),
        "options": {
            "semantic_share": recipe.semantic_share,
            "discard_share": purification.discard_share,
            "discard_below": purification.discard_below,
            "refine_share": purification.refine_share,
            "refine_below": purification.refine_below,
        },
        "left_out": [{"name": each.name, "reason": each.reason} for each in result.left_out],
    }
    text = json.dumps(told, indent=1, allow_nan=False)
    write_atomically(path.with_suffix(".purification.json"), (text + "\n").encode())
