"""A trained head: predicts, states how sure it is, and lives in one safetensors file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from rsqa_core.errors import FingerprintError, UnreadableFileError
from rsqa_core.features.names import VERSION
from rsqa_core.files import write_atomically
from rsqa_core.heads.anchor import anchor
from rsqa_core.heads.card import COVERAGE, HeadCard, card_from_json
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.inference import FoldedHead, can_be_folded
from rsqa_core.heads.inputs import PLACES, HeadInputs, Places
from rsqa_core.heads.memory import NetworkMemory
from rsqa_core.heads.prediction import Prediction, members_apart
from rsqa_core.heads.preparation import Preparation
from rsqa_core.heads.residual import USUAL_HALF_WIDTH, Kernel, Points, Residual

__all__ = ["BASE_HEAD", "COVERAGE", "Prediction", "QualityHead", "load_head"]

WEIGHTS_DIR = Path(__file__).resolve().parents[1] / "weights" / "heads"
BASE_HEAD = "base"
ROWS_AT_ONCE = 16
"""Candidates in one pass through the network: what it makes of more does not stay in the cache."""
DOUBT_WIDTH = 0.2
"""Over what share of the familiar distance the network goes from believed to hardly believed."""
LEAST_CONFIDENCE = 0.3
"""Share of what the network adds that is taken of images like none that it learnt from."""

_NEW = {"preparation.seen_basis"}
"""Tensors that files of earlier releases lack."""

Values = NDArray[np.float64]


class QualityHead:
    """Predicts the quality of candidates.

    An image whose source belongs to a fold is scored only by the members that never saw that fold,
    so that scores of training scenes are honest; every other image is scored by all members. The
    network must not be trained further after the first prediction, which keeps a copy of its
    weights.
    """

    def __init__(
        self,
        network: GatedHead,
        preparation: Preparation,
        card: HeadCard,
        residual: Residual | None = None,
        memory: NetworkMemory | None = None,
    ) -> None:
        self.network = network.eval()
        self.memory = memory
        self.preparation = preparation
        self.card = card
        self.residual = residual
        self._parts: dict[int, QualityHead] = {}
        self._folded: FoldedHead | None = None
        self._fold_of = {sha: fold for fold, shas in enumerate(card.folds.values()) for sha in shas}

    def fold_of(self, source_sha256: str) -> int | None:
        """Return the index of the fold that holds a source image, None for an unseen one."""
        return self._fold_of.get(source_sha256)

    def members_of(self, fold: int | None) -> QualityHead:
        """Return the head of those members only that never saw a fold; None gives all."""
        if fold is None:
            return self
        if fold not in self._parts:
            own = [m for m, of in enumerate(self.card.member_fold) if of == fold]
            network = GatedHead(
                len(own),
                self.preparation.vector_inputs,
                self.card.width,
                self.card.gate,
                branch=self.card.branch,
                anchored=self.card.anchored,
            )
            state = {name: values[own] for name, values in self.network.state_dict().items()}
            network.load_state_dict(state)
            preparation = Preparation(
                **{name: values[own] for name, values in self.preparation.tensors().items()}
            )
            self._parts[fold] = QualityHead(network, preparation, self.card)
        return self._parts[fold]

    def member_cells(self, inputs: HeadInputs) -> NDArray[np.float32]:
        """Return the quality of every cell by every member, (M, N, P) float32 in 0..1."""
        images = np.unique(inputs.image_of_row)
        place = np.zeros(len(inputs.semantic), dtype=np.int64)
        place[images] = np.arange(len(images))
        # Only the images of these candidates, so that a part of a project costs a part.
        own = HeadInputs(
            inputs.semantic[images],
            inputs.tokens[images],
            inputs.rows,
            inputs.cells,
            place[inputs.image_of_row],
        )
        guess = torch.from_numpy(anchor(own.rows, own.cells))
        with torch.inference_mode():
            if self._folded is None and can_be_folded(self.network):
                self._folded = FoldedHead(self.network)
            logits = (self._folded or self.network)(
                self.preparation.prepared(own), torch.from_numpy(own.image_of_row), guess
            )
            if self.card.anchored:
                share = self.confidence(own.semantic)[:, torch.from_numpy(own.image_of_row)]
                logits = guess + share[:, :, None] * (logits - guess)
        return np.asarray(logits.sigmoid().numpy(), dtype=np.float32)

    def confidence(self, semantic: NDArray[np.float32]) -> Tensor:
        """Return how much of what a member adds to the first guess is taken, (M, I) in 0..1.

        Almost all for images such as it learnt from, and LEAST_CONFIDENCE far outside: there the
        first guess, which needs no training, is right more often.

        Args:
            semantic: (I, D + rest) float32 semantic vectors.
        """
        familiar = ((1.0 - self.preparation.unfamiliarity(semantic)) / DOUBT_WIDTH).sigmoid()
        return LEAST_CONFIDENCE + (1.0 - LEAST_CONFIDENCE) * familiar

    def predict(
        self,
        inputs: HeadInputs,
        places: Places,
        encoder_fingerprint: str,
        said: NDArray[np.float32] | None = None,
    ) -> Prediction:
        """Predict the quality of N candidates.

        Args:
            inputs: what is known of them.
            places: where they lie; a retrained head finds there the labels of their neighbours.
            encoder_fingerprint: encoder of the semantic vectors.
            said: what ``network_says`` gives of them, if it was asked before.

        Raises:
            FingerprintError: another encoder than the head's.
        """
        if encoder_fingerprint != self.card.encoder_fingerprint:
            raise FingerprintError(
                f"This head was trained on encoder {self.card.encoder_fingerprint[:12]}, but the "
                f"features come from {encoder_fingerprint[:12]}. Score with the encoder of the "
                "head, or retrain the head on the new one."
            )
        rows = self.network_says(inputs, places) if said is None else said
        exact = rows.astype(np.float64)
        mean, spread, cells = exact[:, 0], exact[:, 1], exact[:, 2:]
        base = score = np.clip(mean + self.offsets(places), 0.0, 1.0)
        half = self.card.interval.half_width(spread, base)
        if self.residual is not None:
            added, explained = self.residual.correction(self.points(inputs, places, base, spread))
            score = np.clip(base + added, 0.0, 1.0)
            half = half * np.sqrt(1.0 - explained)
        return Prediction(
            score, np.clip(score - half, 0, 1), np.clip(score + half, 0, 1), spread, cells, base
        )

    def remembering(self, root: Path) -> QualityHead:
        """Return the head with a memory of what its network says, in the feature cache ``root``."""
        digest = hashlib.sha256(json.dumps([self.card.folds, self.card.member_fold]).encode())
        card = self.card
        digest.update(f"{card.gate} {card.branch} {card.anchored} {card.width}".encode())
        digest.update(f"{LEAST_CONFIDENCE} {DOUBT_WIDTH} apart by fold".encode())
        for tensors in (self.network.state_dict(), self.preparation.tensors()):
            for name, value in sorted(tensors.items()):
                digest.update(name.encode() + value.contiguous().numpy().tobytes())
        memory = NetworkMemory(root, digest.hexdigest())
        return QualityHead(self.network, self.preparation, self.card, self.residual, memory)

    def network_says(self, inputs: HeadInputs, places: Places) -> NDArray[np.float32]:
        """Return mean, spread and cells of N candidates before any correction, (N, 2 + P).

        The same for a base head and all that were retrained from it.
        """
        if self.memory is None or not len(inputs):
            return self._said(inputs, places)
        keys = self.memory.keys(inputs, [self.fold_of(sha) for sha in places.sources])
        known = self.memory.recall(keys)
        asked = np.array([row for row, key in enumerate(keys) if key not in known], np.int64)
        if asked.size:
            said = self._said(inputs.only(asked), places.only(asked))
            new = {keys[row]: found for row, found in zip(asked, said, strict=True)}
            self.memory.keep(new)
            known |= new
        return np.stack([known[key] for key in keys])

    def _said(self, inputs: HeadInputs, places: Places) -> NDArray[np.float32]:
        joined = np.zeros((len(inputs), 2 + PLACES), dtype=np.float32)
        # -1 stands for images of no fold, which all members score.
        folds = np.array([-1 if (f := self.fold_of(s)) is None else f for s in places.sources])
        every = np.array(self.card.member_fold)
        for fold in np.unique(folds):
            members = self.members_of(None if fold < 0 else int(fold))
            fold_of_member = every if fold < 0 else every[every == fold]
            own = np.flatnonzero(folds == fold)
            for rows in np.array_split(own, -(-len(own) // ROWS_AT_ONCE)):
                values = members.member_cells(inputs.only(rows)).astype(np.float64)
                each = values.mean(axis=2)
                joined[rows, 0], joined[rows, 1] = (
                    each.mean(axis=0),
                    members_apart(each, fold_of_member),
                )
                joined[rows, 2:] = values.mean(axis=0)
        return joined

    def offsets(self, places: Places) -> Values:
        """Return what each candidate's segmenter adds to its score, (N,); 0 for an unknown one."""
        names = list(self.card.folds)
        added = np.zeros(len(places))
        for index, (source, segmenter) in enumerate(
            zip(places.sources, places.segmenters, strict=True)
        ):
            fold = self.fold_of(source)
            table = self.card.offsets.get("" if fold is None else names[fold], {})
            added[index] = table.get(segmenter, 0.0)
        return added

    def points(self, inputs: HeadInputs, places: Places, score: Values, spread: Values) -> Points:
        """Return N candidates as a residual takes them.

        Args:
            inputs: what is known of them.
            places: where they lie.
            score: (N,) their scores before any correction.
            spread: (N,) standard deviation over members.
        """
        factor = self.card.interval.factor if self.residual is None else self.residual.factor
        half = replace(self.card.interval, factor=factor).half_width(spread, score)
        return Points(self.preparation.likeness(inputs), places, score, half / USUAL_HALF_WIDTH)

    def unfamiliarity(self, semantic: NDArray[np.float32]) -> Values:
        """Return how unlike the training images are to I images, (I,); above 1 they are unlike."""
        found = self.preparation.unfamiliarity(semantic).mean(dim=0)
        return np.asarray(found.numpy(), dtype=np.float64)

    def without_residual(self) -> QualityHead:
        """Return the base of a retrained head."""
        return QualityHead(self.network, self.preparation, self.card, memory=self.memory)

    def with_residual(self, residual: Residual) -> QualityHead:
        """Return the head with what labels taught."""
        return QualityHead(self.network, self.preparation, self.card, residual, self.memory)

    def with_card(self, **changes: Any) -> QualityHead:
        """Return the head with other entries in its card."""
        card = replace(self.card, **changes)
        return QualityHead(self.network, self.preparation, card, self.residual, self.memory)

    def to_bytes(self) -> bytes:
        """Return the head as the content of a safetensors file."""
        tensors = {f"network.{k}": v.contiguous() for k, v in self.network.state_dict().items()}
        tensors |= {
            f"preparation.{name}": value.contiguous()
            for name, value in self.preparation.tensors().items()
        }
        content = json.loads(self.card.to_json())
        residual = self.residual
        if residual is not None:
            points = residual.points
            tensors["residual.inputs"] = torch.from_numpy(points.inputs)
            tensors["residual.score"] = torch.from_numpy(points.score)
            tensors["residual.size"] = torch.from_numpy(points.size)
            tensors["residual.weights"] = torch.from_numpy(residual.weights)
            tensors["residual.centres_px"] = torch.from_numpy(points.places.centres_px)
            content["residual"] = {
                "images": points.places.images,
                "sources": points.places.sources,
                "segmenters": points.places.segmenters,
                "trust": residual.trust,
                "factor": residual.factor,
                "kernel": asdict(residual.kernel),
            }
        # One entry: safetensors writes several in an order that changes from call to call.
        return bytes(save(tensors, metadata={"rsqa_head": json.dumps(content)}))

    def save(self, path: Path) -> str:
        """Write the head and return the sha256 of the file."""
        content = self.to_bytes()
        write_atomically(path, content)
        return hashlib.sha256(content).hexdigest()


def is_outdated(path: Path) -> bool:
    """Return whether a head's file is of an earlier RSQA, which took other features or fewer.

    False for a file that cannot be read: `load_head` says what is wrong with it.
    """
    try:
        with safe_open(path, framework="pt") as stream:
            content = json.loads((stream.metadata() or {})["rsqa_head"])
            keys = set(stream.keys())
        return int(content["features_version"]) < VERSION or not keys >= _NEW
    except Exception:  # safetensors raises its own type for a bad header
        return False


def load_head(path: Path) -> QualityHead:
    """Load a file that ``QualityHead.save`` wrote.

    Raises:
        UnreadableFileError: not such a file or not a whole one, of an older feature version, or
            not finite.
    """
    try:
        with safe_open(path, framework="pt") as stream:
            content = json.loads((stream.metadata() or {})["rsqa_head"])
            tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises its own type for a bad header
        raise UnreadableFileError(
            f"Cannot read the head {path.name}: {error!r}. Expected a safetensors file written by "
            "`rsqa train-head` or `rsqa retrain`."
        ) from error
    bad = [key for key, value in tensors.items() if not value.isfinite().all()]
    if bad:
        raise UnreadableFileError(f"{path.name} holds values that are not finite, in {bad[0]!r}.")
    if content["features_version"] != VERSION:
        raise UnreadableFileError(
            f"{path.name} takes feature version {content['features_version']}, but this RSQA "
            f"computes version {VERSION}. Retrain the head."
        )
    if not tensors.keys() >= _NEW:
        raise UnreadableFileError(
            f"{path.name} was written by an earlier RSQA and does not know which images are "
            "familiar. Retrain the head: its labels are still there."
        )
    try:
        about = content.pop("residual", None)
        return _rebuilt(card_from_json(content), tensors, about)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnreadableFileError(
            f"The head {path.name} is not whole: {' '.join(str(error).split())[:300]}. Restore the "
            "file, or retrain the head."
        ) from error


def _rebuilt(
    card: HeadCard, tensors: dict[str, Tensor], about: dict[str, Any] | None
) -> QualityHead:
    def part(prefix: str) -> dict[str, Tensor]:
        return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

    preparation = Preparation(**part("preparation."))
    network = GatedHead(
        len(card.member_fold),
        preparation.vector_inputs,
        card.width,
        card.gate,
        branch=card.branch,
        anchored=card.anchored,
    )
    network.load_state_dict(part("network."))
    residual = None
    if about is not None:
        places = Places(
            tuple(about["images"]),
            tuple(about["sources"]),
            tensors["residual.centres_px"].numpy(),
            tuple(about["segmenters"]),
        )
        inputs, score, size, weights = (
            tensors[f"residual.{name}"].numpy() for name in ("inputs", "score", "size", "weights")
        )
        residual = Residual(
            Points(inputs, places, score, size),
            weights,
            about["trust"],
            about["factor"],
            Kernel(**about["kernel"]),
        )
    return QualityHead(network, preparation, card, residual)
