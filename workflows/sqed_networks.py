"""The segmenters of one fold: trained on the other folds' scenes, or made from an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from db.store import projects
from rsqa_core.errors import InvalidInputError, NotFoundError
from rsqa_core.files import write_atomically
from rsqa_core.progress import Progress
from rsqa_core.records import ImageRecord, normalised_class_name
from rsqa_core.scenes import SCENE_CLASSES, render_scene
from workflows.opening import Installation
from workflows.sqed_card import FoldSummary
from workflows.sqed_folds import Fold
from workflows.training import SEGMENTER_SEEDS, labelled_scenes, sources_with_reference

if TYPE_CHECKING:
    from rsqa_core.encoders.openclip import Encoder
    from rsqa_core.segmenters.network import Segmenter
    from rsqa_core.training.crops import LabelledScene

EVERY_FOLD = "*"


@dataclass(frozen=True, slots=True)
class FoldTraining:
    """How the segmenters of every fold come about.

    Attributes:
        steps: training steps of each network; None takes its spec's.
        side_px: of a training crop.
        generated: generated scenes beside the real ones, where the classes are the same.
        seed: of weights, order and augmentation.
        encoders: name or file of the encoder by ``PROJECT/fold-N``, ``fold-N`` or EVERY_FOLD;
            default: the shipped one.
    """

    steps: int | None = None
    side_px: int = 256
    generated: int = 200
    seed: int = 0
    encoders: Mapping[str, str] = field(default_factory=dict)

    def encoder_of(self, fold: Fold) -> str:
        """Return the name or file of the encoder for a fold; the closest name counts."""
        from rsqa_core.encoders.openclip import COMPACT

        for key in (f"{fold.slug}/{fold.name}", fold.name, EVERY_FOLD):
            if key in self.encoders:
                return self.encoders[key]
        return COMPACT


def all_segmenter_names() -> list[str]:
    """Return the segmenters of which candidates are made unless others are named.

    One FarSeg is among them where torchgeo is installed; its larger size only by name.
    """
    from importlib.util import find_spec

    from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS
    from rsqa_core.segmenters.specs import SEGMENTERS

    without = {"farseg-resnet50"} | (set() if find_spec("torchgeo") else {"farseg-resnet18"})
    return [name for name in SEGMENTERS if name not in without] + list(ENCODER_SEGMENTERS)


def needing_encoder(names: Sequence[str]) -> list[str]:
    """Return those segmenters that are made from an encoder."""
    from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS

    return [name for name in names if name in ENCODER_SEGMENTERS]


def descriptions(names: Sequence[str]) -> dict[str, str]:
    """Return what makes each segmenter differ from the others."""
    from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS
    from rsqa_core.segmenters.specs import SEGMENTERS

    known = {spec.name: spec.why for spec in SEGMENTERS.values()}
    known |= {spec.name: spec.why for spec in ENCODER_SEGMENTERS.values()}
    return {name: known[name] for name in names}


def require_known(names: Sequence[str]) -> None:
    """Raise NotFoundError for a name that no segmenter has."""
    from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS
    from rsqa_core.segmenters.specs import SEGMENTERS

    known = [*SEGMENTERS, *ENCODER_SEGMENTERS]
    for name in names:
        if name not in known:
            raise NotFoundError.named("segmenter", name, known)


def refuse_seen(segmenter: Segmenter, images: Sequence[ImageRecord]) -> None:
    """Refuse to make candidates of images that a segmenter was trained on.

    Raises:
        InvalidInputError: the source of an image is among those.
    """
    for image in images:
        if image.source_sha256 in segmenter.trained_on:
            raise InvalidInputError(
                f"The segmenter {segmenter.name} ({segmenter.fingerprint[:12]}) was trained on "
                f"{image.source_name} of scene {image.scene!r}, so its mask of {image.name!r} says "
                "nothing about unseen images. Expected a segmenter of another fold: remove its "
                "file under training/sqed/ and build again."
            )


class FoldSegmenters:
    """Gives each fold its segmenters; what several of them need is loaded once."""

    def __init__(self, installation: Installation, training: FoldTraining) -> None:
        self._installation = installation
        self._training = training
        self._drawn: list[LabelledScene] | None = None
        self._scenes: tuple[Fold, list[LabelledScene]] | None = None
        self._encoders: dict[str, Encoder] = {}

    def steps_to_train(self, fold: Fold, name: str) -> int:
        """Return how many training steps ``segmenter`` would take, 0 where nothing is trained."""
        from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS
        from rsqa_core.segmenters.specs import segmenter_spec

        if name in ENCODER_SEGMENTERS or self._ready(fold, name) is not None:
            return 0
        return self._training.steps or segmenter_spec(name).steps

    def segmenter(self, fold: Fold, name: str, progress: Progress) -> Segmenter:
        """Return a segmenter that never saw the fold's scenes; trains it where it is not there.

        A network in the home is taken when it trained on exactly the fold's training images; a
        shipped one that did is copied there.
        """
        from rsqa_core.segmenters.encoder_based import ENCODER_SEGMENTERS, encoder_segmenter

        if name in ENCODER_SEGMENTERS:
            from rsqa_core.features.semantic import SemanticDescriber

            encoder = self.encoder(fold)
            classes = self._classes(fold)
            vectors = SemanticDescriber(encoder).class_vectors(classes)
            return encoder_segmenter(name, encoder, classes, vectors)
        found = self._ready(fold, name)
        if found is None:
            return self._trained(fold, name, progress)
        path, segmenter = found
        if path != self.path(fold, name):
            write_atomically(self.path(fold, name), path.read_bytes())
        return segmenter

    def encoder(self, fold: Fold) -> Encoder:
        """Return the fold's encoder.

        Raises:
            RsqaError: it cannot be loaded (see `openclip.load_encoder`).
        """
        from rsqa_core.encoders.openclip import load_compact, load_encoder

        name = self._training.encoder_of(fold)
        if name not in self._encoders:
            settings = self._installation.settings
            if name.endswith(".safetensors") and ":" not in name:
                self._encoders[name] = load_compact(Path(name))
            else:
                self._encoders[name] = load_encoder(
                    name,
                    cache_dir=settings.encoders_dir,
                    offline=settings.offline,
                    hub=settings.model_hub,
                )
        return self._encoders[name]

    def generated(self, fold: Fold) -> int:
        """Return how many generated scenes the fold's networks train on: none of other classes."""
        same = [normalised_class_name(c) for c in self._classes(fold)] == [
            normalised_class_name(c) for c in SCENE_CLASSES
        ]
        return self._training.generated if same else 0

    def summary(self, fold: Fold, names: Sequence[str]) -> FoldSummary:
        """Return what the data card says of a fold."""
        from rsqa_core.segmenters import network

        options = self._training
        steps = "the steps of its spec" if options.steps is None else f"{options.steps} steps"
        shipped = [
            name
            for name in names
            if (original := network.WEIGHTS_DIR / f"{name}.safetensors").exists()
            and self.path(fold, name).exists()
            and original.read_bytes() == self.path(fold, name).read_bytes()
        ]
        encoder = None
        if needing_encoder(names):
            encoder = (self._training.encoder_of(fold), self.encoder(fold).fingerprint)
        return FoldSummary(
            fold,
            len(self._sources(fold)),
            self.generated(fold),
            encoder,
            "" if encoder is None else _card_line(_encoder_file(encoder[0])),
            tuple(shipped),
            f"{steps}, crops of {options.side_px} px, seed {options.seed}",
        )

    def path(self, fold: Fold, name: str) -> Path:
        """Return where the network of a fold is kept."""
        home = self._installation.settings.home
        return home / "training" / "sqed" / fold.slug / fold.name / f"{name}.safetensors"

    def _classes(self, fold: Fold) -> tuple[str, ...]:
        with self._installation.database.read() as session:
            return tuple(c.name for c in projects.get(session, fold.slug).classes)

    def _sources(self, fold: Fold) -> frozenset[str]:
        return sources_with_reference(self._installation, fold.slug, fold.trained_on)

    def _ready(self, fold: Fold, name: str) -> tuple[Path, Segmenter] | None:
        from rsqa_core.segmenters import network

        wanted = self._sources(fold)
        classes = self._classes(fold)
        for path in (self.path(fold, name), network.WEIGHTS_DIR / f"{name}.safetensors"):
            if path.exists():
                found = network.load_segmenter(path)
                if found.trained_on == wanted and found.classes == classes:
                    return path, found
        return None

    def _trained(self, fold: Fold, name: str, progress: Progress) -> Segmenter:
        from rsqa_core.segmenters.network import load_segmenter, save_segmenter
        from rsqa_core.segmenters.specs import segmenter_spec
        from rsqa_core.training.segmenter import SegmenterTraining, train_segmenter

        spec = segmenter_spec(name)
        classes = self._classes(fold)
        options = SegmenterTraining(
            steps=self._training.steps or spec.steps,
            side_px=self._training.side_px,
            seed=self._training.seed,
        )
        path = self.path(fold, name)
        network, reference = train_segmenter(
            spec,
            self._labelled(fold),
            len(classes),
            options,
            checkpoint=path.with_suffix(".pt"),
            progress=progress,
        )
        save_segmenter(path, spec, network, classes, reference, self._sources(fold))
        return load_segmenter(path)

    def _labelled(self, fold: Fold) -> list[LabelledScene]:
        from rsqa_core.training.crops import LabelledScene

        if self._scenes is None or self._scenes[0] != fold:
            real = labelled_scenes(self._installation, fold.slug, fold.trained_on, 0, 0)
            self._scenes = (fold, real)
        wanted = self.generated(fold)
        if wanted and self._drawn is None:
            drawn = (render_scene(seed=SEGMENTER_SEEDS + i) for i in range(wanted))
            self._drawn = [LabelledScene(s.rgb, s.reference_mask, "generated") for s in drawn]
        return [*self._scenes[1], *(self._drawn or [])[:wanted]]


def _encoder_file(name: str) -> Path:
    from rsqa_core.encoders import openclip

    if name == openclip.COMPACT:
        return openclip.WEIGHTS_DIR / f"{name}.safetensors"
    return Path(name.partition(":")[2] or name)


def _card_line(weights: Path) -> str:
    """Return what the card beside the weights says of the training data."""
    card = weights.with_suffix(".md")
    if card.is_file():
        for line in card.read_text(encoding="utf-8").splitlines():
            if line.startswith("- data: "):
                return line.removeprefix("- data: ")
    return "not stated; it has no card beside it"
