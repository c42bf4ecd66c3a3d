"""What runs an encoder's image tower: torch, or the same tower compiled by OpenVINO.

Torch is the reference. A compiled tower is exported once from the torch weights and kept on disk;
it is used only if it gives the same vectors as torch on a check batch, so an encoder keeps its
fingerprint whatever runs it.
"""

from __future__ import annotations

import importlib.metadata
import json
import logging
import queue
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from rsqa_core.encoders.openclip import OpenClipEncoder, image_features
from rsqa_core.encoders.preprocessing import Encoder, ImageFeatures, Preprocessing, prepare
from rsqa_core.errors import RsqaError
from rsqa_core.files import file_sha256

AGREEMENT = 0.999
"""Lowest cosine with torch that any vector of the check batch may have."""

STREAMS = 2
"""Images that a compiled tower encodes at once, so that one is decoded beside another."""

WORTH_EXPORTING = 48
"""Images whose encoding repays an export (seconds, and a second of compiling at each load)."""

CHECK_IMAGES = 4
_PARTS = ("tower.xml", "tower.bin")
_RECORD = "tower.json"
_told: set[str] = set()
_log = logging.getLogger("rsqa.runtime")


class RuntimeMismatchError(RsqaError):
    """A compiled tower gives other vectors than torch."""


class CompiledEncoder:
    """An encoder whose images go through OpenVINO and whose texts go through torch.

    Several threads may encode at once; STREAMS of them compute, the others wait.

    Args:
        encoder: the reference.
        compiled: its tower as an OpenVINO CompiledModel of input (1, 3, S, S).
    """

    def __init__(self, encoder: OpenClipEncoder, compiled: Any) -> None:
        self._encoder = encoder
        self.name = encoder.name
        self.fingerprint = encoder.fingerprint
        self.dim = encoder.dim
        self.has_text = encoder.has_text
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(STREAMS):
            self._idle.put(compiled.create_infer_request())

    @property
    def preprocessing(self) -> Preprocessing:
        return self._encoder.preprocessing

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (N, D) float32 unit vectors of ``texts``."""
        return self._encoder.encode_texts(texts)

    def encode_images(self, images: Sequence[NDArray[np.uint8]]) -> list[ImageFeatures]:
        """Encode images of any size, each (3, H, W) uint8, one after the other."""
        return [self._encoded(prepare(rgb, self.preprocessing)) for rgb in images]

    def _encoded(self, prepared: NDArray[np.float32]) -> ImageFeatures:
        request = self._idle.get()
        try:
            found = request.infer([prepared[None]])
            # A request overwrites its outputs at its next image.
            pooled, *grids = (torch.from_numpy(found[i].copy()) for i in range(len(found)))
        finally:
            self._idle.put(request)
        return image_features(grids[0] if grids else None, pooled)[0]


def with_runtime(encoder: Encoder, cache_dir: Path, runtime: str, *, images: int) -> Encoder:
    """Return ``encoder`` as ``runtime`` runs it.

    Where OpenVINO is asked for and cannot be had, torch goes on and the reason is logged once.

    Args:
        cache_dir: folder of encoders; exports go into ``compiled/`` in it.
        runtime: one of settings.RUNTIMES; ``auto`` compiles where an export exists already or
            ``images`` repay one.
        images: how many are going to be encoded.
    """
    if runtime == "torch":
        return encoder
    if not isinstance(encoder, OpenClipEncoder):
        if runtime == "openvino":
            _tell(f"{encoder.name} runs in torch: only encoders of open_clip can be compiled.")
        return encoder
    try:
        folder = export_folder(encoder, cache_dir)
        if runtime == "auto" and images < WORTH_EXPORTING and not _is_whole(folder):
            return encoder
        return _compiled(encoder, folder)
    except Exception as error:  # any fault of an optional runtime must leave the reference running
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        _tell(
            f"{encoder.name} runs in torch, which is slower: OpenVINO cannot take it ({reason}). "
            "RSQA_RUNTIME=torch stops trying."
        )
        return encoder


def images_at_once(encoder: Encoder) -> int:
    """Return how many threads may encode with ``encoder`` at the same time to advantage."""
    return STREAMS if isinstance(encoder, CompiledEncoder) else 1


def export_folder(encoder: Encoder, cache_dir: Path) -> Path:
    """Return where the export of an encoder lies: by its fingerprint and OpenVINO's version.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    import openvino

    version = openvino.__version__.partition("-")[0]
    return cache_dir / "compiled" / f"{encoder.fingerprint[:32]}-openvino-{version}"


def _compiled(encoder: OpenClipEncoder, folder: Path) -> CompiledEncoder:
    import openvino

    core = openvino.Core()
    precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
    options = {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": STREAMS}
    about = f"{precision} on {core.get_property('CPU', 'FULL_DEVICE_NAME')}"
    if not _is_whole(folder):
        _export(encoder, folder)
    compiled = CompiledEncoder(
        encoder, core.compile_model(core.read_model(folder / _PARTS[0]), "CPU", options)
    )
    record = json.loads((folder / _RECORD).read_text())
    # How exact a processor computes is known only on it; the cache may have been copied.
    if about not in record["agreement"]:
        record["agreement"][about] = agreement(encoder, compiled)
        (folder / _RECORD).write_text(json.dumps(record))
    found = record["agreement"][about]
    if found < AGREEMENT:
        raise RuntimeMismatchError(
            f"Expected vectors like torch's, cosine at least {AGREEMENT}, but got {found:.5f} in "
            f"{about}."
        )
    return compiled


def agreement(reference: Encoder, other: Encoder) -> float:
    """Return the lowest cosine between vectors of two encoders over the check batch.

    Pooled vectors and tokens count alike.
    """
    lowest = 1.0
    for rgb in check_batch(reference.preprocessing.size_px):
        expected, found = reference.encode_images([rgb])[0], other.encode_images([rgb])[0]
        lowest = min(lowest, float(expected.pooled @ found.pooled))
        if expected.tokens is not None and found.tokens is not None:
            lowest = min(lowest, float((expected.tokens * found.tokens).sum(axis=-1).min()))
    return lowest if np.isfinite(lowest) else -1.0


def check_batch(side_px: int) -> list[NDArray[np.uint8]]:
    """Return CHECK_IMAGES seeded (3, side, side) pictures, from coarse patches to fine noise."""
    random = np.random.default_rng(0)
    pictures = []
    for index in range(CHECK_IMAGES):
        blurred = ndimage.gaussian_filter(
            random.normal(size=(3, side_px, side_px)), (0, *(2.0 * (4**index - 1) / 4,) * 2)
        )
        scaled = (blurred - blurred.mean()) / max(float(blurred.std()), 1e-9)
        pictures.append(np.clip(128 + 55 * scaled, 0, 255).astype(np.uint8))
    return pictures


def _is_whole(folder: Path) -> bool:
    """Return whether an export is there as it was written."""
    try:
        record = json.loads((folder / _RECORD).read_text())
        return all(file_sha256(folder / part) == record["sha256"][part] for part in _PARTS)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _converted(tower: torch.nn.Module, side_px: int) -> Any:
    """Return the tower as an OpenVINO model of input (1, 3, side, side).

    Through the frontend and not ``openvino.convert_model``, which reports every call to its makers
    over the network unless the user has forbidden it.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch advises against what this calls
        # The trace is checked with everything else, by ``agreement``; torch's own takes 20 s.
        decoder = TorchScriptPythonDecoder(
            tower.eval(),
            example_input=torch.zeros(1, 3, side_px, side_px),
            trace_kwargs={"check_trace": False},
        )
        frontend = FrontEndManager().load_by_framework("pytorch")
        model = frontend.convert(frontend.load(decoder))
    model.reshape([1, 3, side_px, side_px])
    return model


def _export(encoder: OpenClipEncoder, folder: Path) -> None:
    """Write the tower beside ``folder`` and move it there whole, in place of a broken one."""
    import openvino

    side = encoder.preprocessing.size_px
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".partial-") as name:
        fresh = Path(name) / "export"
        fresh.mkdir()
        openvino.save_model(
            _converted(encoder.image_tower(), side), fresh / _PARTS[0], compress_to_fp16=False
        )
        record = {
            "encoder": encoder.fingerprint,
            "openvino": importlib.metadata.version("openvino"),
            "sha256": {part: file_sha256(fresh / part) for part in _PARTS},
            "agreement": {},
        }
        (fresh / _RECORD).write_text(json.dumps(record))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            fresh.rename(folder)
        except OSError:
            if not _is_whole(folder):  # another process may have been quicker
                raise


def _tell(message: str) -> None:
    if message not in _told:
        _told.add(message)
        _log.warning(message)
