"""A trained head: predicts, states how sure it is, and lives in one safetensors file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from rsqa_core.errors import FingerprintError, InvalidInputError, UnreadableFileError
from rsqa_core.features.names import FEATURE_NAMES, VERSION
from rsqa_core.files import write_atomically
from rsqa_core.heads.gating import GatedHead
from rsqa_core.heads.preparation import SEGMENTATION_INPUTS, Preparation
from rsqa_core.heads.residual import Kernel, Residual

WEIGHTS_DIR = Path(__file__).resolve().parents[1] / "weights" / "heads"
BASE_HEAD = "base"
COVERAGE = 0.8


@dataclass(frozen=True, slots=True)
class Prediction:
    """Predicted quality of N candidates, each (N,) float64 in 0..1; higher is better.

    ``low`` and ``high`` bound the stated interval of COVERAGE; ``spread`` is the standard deviation
    over members.
    """

    score: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    spread: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class HeadCard:
    """What a head is and where it comes from; stored in its file.

    Attributes:
        encoder_name: name by which that encoder is loaded.
        encoder_fingerprint: the encoder whose embeddings it takes; others are refused.
        folds: name of each fold: the source images (sha256 of the file) that its members never saw.
        member_fold: fold of each member, -1 for a member that saw everything.
        interval: half-width of the interval as (floor, times spread) in units of quality.
        gate: kind of gate.
        width: d.
        features_version: version of the numbers that it takes.
        trained_on: one line a data set.
    """

    encoder_name: str
    encoder_fingerprint: str
    folds: dict[str, tuple[str, ...]]
    member_fold: tuple[int, ...]
    interval: tuple[float, float]
    gate: str
    width: int
    features_version: int = VERSION
    trained_on: tuple[str, ...] = ()


class QualityHead:
    """Predicts the quality of candidates from semantic vectors and description rows.

    An image whose source belongs to a fold is scored only by the members that never saw that fold,
    so that scores of training scenes are honest; every other image is scored by all members.
    """

    def __init__(
        self,
        network: GatedHead,
        preparation: Preparation,
        card: HeadCard,
        residual: Residual | None = None,
    ) -> None:
        self.network = network.eval()
        self.preparation = preparation
        self.card = card
        self.residual = residual
        self._fold_of = {sha: fold for fold, shas in enumerate(card.folds.values()) for sha in shas}

    def fold_of(self, source_sha256: str) -> int | None:
        """Return the index of the fold that holds a source image, None for an unseen one."""
        return self._fold_of.get(source_sha256)

    def members_for(self, source_sha256s: Sequence[str]) -> NDArray[np.float32]:
        """Return (M, N) weights over members, summing to 1 for each candidate."""
        folds = np.array(self.card.member_fold)
        columns = []
        for sha in source_sha256s:
            fold = self.fold_of(sha)
            chosen = np.ones(len(folds), bool) if fold is None else folds == fold
            columns.append(chosen / chosen.sum())
        return np.stack(columns, axis=1).astype(np.float32)

    def logits(
        self, semantic: NDArray[np.float32], rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return (M, N) logits of every member.

        Raises:
            InvalidInputError: the arrays do not have the lengths that the head was trained with.
        """
        self._check(semantic, rows)
        with torch.inference_mode():
            logits = self.network(
                self.preparation.semantic(semantic), self.preparation.features(rows)
            )
        return np.asarray(logits.numpy(), dtype=np.float32)

    def predict(
        self,
        semantic: NDArray[np.float32],
        rows: NDArray[np.float32],
        source_sha256s: Sequence[str],
        encoder_fingerprint: str,
        image_sha256s: Sequence[str] | None = None,
    ) -> Prediction:
        """Predict the quality of N candidates.

        Args:
            semantic: (N, D + rest) semantic vector of each candidate's image.
            rows: (N, F) description rows, NaN where missing.
            source_sha256s: source image of each candidate.
            encoder_fingerprint: encoder of the semantic vectors.
            image_sha256s: image of each candidate, by which a retrained head finds labels of its
                siblings; None for none.

        Raises:
            FingerprintError: another encoder than the head's.
        """
        if encoder_fingerprint != self.card.encoder_fingerprint:
            raise FingerprintError(
                f"This head was trained on encoder {self.card.encoder_fingerprint[:12]}, but the "
                f"features come from {encoder_fingerprint[:12]}. Score with the encoder of the "
                "head, or retrain the head on the new one."
            )
        values = 1 / (1 + np.exp(-self.logits(semantic, rows).astype(np.float64)))
        weights = self.members_for(source_sha256s)
        # Weights of three members sum to a little over 1, which would take a certain score there.
        score = np.clip((values * weights).sum(axis=0), 0.0, 1.0)
        spread = np.sqrt(((values - score) ** 2 * weights).sum(axis=0))
        floor, times = self.card.interval
        half = floor + times * spread
        if self.residual is not None:
            correction, closeness = self.residual.correction(
                self.residual_inputs(semantic, rows),
                [""] * len(score) if image_sha256s is None else image_sha256s,
                source_sha256s,
            )
            score = np.clip(score + correction, 0.0, 1.0)
            # What the nearest label alone leaves of the process's standard deviation.
            kernel = self.residual.kernel
            known = closeness**2 * kernel.variance / (kernel.variance + kernel.noise**2)
            half = half * np.sqrt(1.0 - known)
        return Prediction(score, np.clip(score - half, 0, 1), np.clip(score + half, 0, 1), spread)

    def residual_inputs(
        self, semantic: NDArray[np.float32], rows: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return the description of N candidates by which a residual finds alike ones, (N, p).

        Standardised features and semantic components, each part scaled by its length so that
        neither outweighs the other.
        """
        self._check(semantic, rows)
        features = self.preparation.features(rows).mean(dim=0).numpy()
        seen = self.preparation.semantic(semantic)[0].numpy()
        joined: NDArray[np.float32] = np.concatenate(
            [features / np.sqrt(features.shape[1]), seen / np.sqrt(seen.shape[1])], axis=1
        ).astype(np.float32)
        return joined

    def to_bytes(self) -> bytes:
        """Return the head as the content of a safetensors file."""
        tensors = {f"network.{k}": v.contiguous() for k, v in self.network.state_dict().items()}
        preparation = self.preparation
        for name in (
            "embedding_mean",
            "basis",
            "semantic_mean",
            "semantic_scale",
            "feature_mean",
            "feature_scale",
        ):
            tensors[f"preparation.{name}"] = getattr(preparation, name).contiguous()
        card = self.card
        residual = self.residual
        if residual is not None:
            tensors["residual.inputs"] = torch.from_numpy(residual.inputs)
            tensors["residual.alpha"] = torch.from_numpy(residual.alpha)
        content: dict[str, Any] = {
            "encoder_name": card.encoder_name,
            "encoder_fingerprint": card.encoder_fingerprint,
            "folds": card.folds,
            "member_fold": card.member_fold,
            "interval": card.interval,
            "gate": card.gate,
            "width": card.width,
            "features_version": card.features_version,
            "trained_on": card.trained_on,
            "embedding_dim": preparation.embedding_dim,
            "residual": residual
            and {
                "images": residual.images,
                "sources": residual.sources,
                "kernel": asdict(residual.kernel),
            },
        }
        # Not sorted: members name folds by their place.
        metadata = {"rsqa_head": json.dumps(content)}
        return bytes(save(tensors, metadata=metadata))

    def save(self, path: Path) -> str:
        """Write the head and return the sha256 of the file."""
        content = self.to_bytes()
        write_atomically(path, content)
        return hashlib.sha256(content).hexdigest()

    def _check(self, semantic: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
        expected = (
            self.preparation.semantic_inputs
            - self.preparation.basis.shape[2]
            + self.preparation.embedding_dim
        )
        if semantic.ndim != 2 or semantic.shape[1] != expected:
            raise InvalidInputError(
                f"Expected `semantic` to be (N, {expected}), but got {semantic.shape}."
            )
        if rows.shape != (semantic.shape[0], len(FEATURE_NAMES)):
            raise InvalidInputError(
                f"Expected `rows` to be ({semantic.shape[0]}, {len(FEATURE_NAMES)}), but got "
                f"{rows.shape}."
            )
        if not np.isfinite(semantic).all():
            raise InvalidInputError("Expected finite semantic vectors, but got NaN or infinity.")


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
    try:
        return _rebuilt(content, tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UnreadableFileError(
            f"The head {path.name} is not whole: {' '.join(str(error).split())[:300]}. Restore the "
            "file, or retrain the head."
        ) from error


def _rebuilt(content: dict[str, Any], tensors: dict[str, Tensor]) -> QualityHead:
    embedding_dim = int(content["embedding_dim"])
    prepared = {
        key.removeprefix("preparation."): value
        for key, value in tensors.items()
        if key.startswith("preparation.")
    }
    preparation = Preparation(embedding_dim, **prepared)
    card = HeadCard(
        encoder_name=content["encoder_name"],
        encoder_fingerprint=content["encoder_fingerprint"],
        folds={name: tuple(shas) for name, shas in content["folds"].items()},
        member_fold=tuple(content["member_fold"]),
        interval=(float(content["interval"][0]), float(content["interval"][1])),
        gate=content["gate"],
        width=int(content["width"]),
        features_version=int(content["features_version"]),
        trained_on=tuple(content["trained_on"]),
    )
    network = GatedHead(
        len(card.member_fold),
        preparation.semantic_inputs,
        SEGMENTATION_INPUTS,
        card.width,
        card.gate,
    )
    network.load_state_dict(
        {k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")}
    )
    return QualityHead(network, preparation, card, _residual(content["residual"], tensors))


def _residual(about: dict[str, Any] | None, tensors: dict[str, torch.Tensor]) -> Residual | None:
    if about is None:
        return None
    return Residual(
        inputs=tensors["residual.inputs"].numpy(),
        images=tuple(about["images"]),
        sources=tuple(about["sources"]),
        alpha=tensors["residual.alpha"].numpy(),
        kernel=Kernel(**about["kernel"]),
    )
