"""A compiled tower gives torch's vectors, is made once, and gives way where it cannot be had."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rsqa_core.encoders import runtime
from rsqa_core.encoders.openclip import WEIGHTS_DIR, OpenClipEncoder, load_compact
from rsqa_core.encoders.preprocessing import Encoder
from rsqa_core.encoders.runtime import (
    AGREEMENT,
    WORTH_EXPORTING,
    CompiledEncoder,
    agreement,
    check_batch,
    export_folder,
    images_at_once,
    with_runtime,
)


@pytest.fixture(scope="module")
def encoder() -> OpenClipEncoder:
    return load_compact(WEIGHTS_DIR / "rsqa-compact.safetensors")


@pytest.fixture(scope="module")
def cache(encoder: OpenClipEncoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoders")
    assert isinstance(with_runtime(encoder, folder, "openvino", images=1), CompiledEncoder)
    return folder


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "_told", set())


def no_export(*arguments: Any) -> None:
    raise AssertionError("exported again")


def test_a_compiled_encoder_is_the_same_encoder(encoder: OpenClipEncoder, cache: Path) -> None:
    found = with_runtime(encoder, cache, "openvino", images=1)

    assert isinstance(found, CompiledEncoder)
    assert images_at_once(found) > images_at_once(encoder) == 1
    assert (found.fingerprint, found.dim, found.name) == (
        encoder.fingerprint,
        encoder.dim,
        encoder.name,
    )
    np.testing.assert_array_equal(found.encode_texts(["a"]), encoder.encode_texts(["a"]))
    assert AGREEMENT <= agreement(encoder, found) <= 1.00001
    own = np.random.default_rng(5).integers(0, 255, (3, 60, 44), dtype=np.uint8)
    mine, reference = found.encode_images([own])[0], encoder.encode_images([own])[0]
    assert mine.tokens is not None
    assert reference.tokens is not None
    assert mine.tokens.shape == reference.tokens.shape
    assert (mine.tokens * reference.tokens).sum(axis=-1).min() > AGREEMENT
    assert mine.pooled @ reference.pooled > AGREEMENT


def test_several_images_keep_their_order(encoder: OpenClipEncoder, cache: Path) -> None:
    found = with_runtime(encoder, cache, "openvino", images=1)
    pictures = check_batch(48)

    together = found.encode_images(pictures)

    for picture, seen in zip(pictures, together, strict=True):
        np.testing.assert_allclose(seen.pooled, found.encode_images([picture])[0].pooled, atol=1e-6)


def test_an_export_is_used_again(
    encoder: OpenClipEncoder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "_export", no_export)
    monkeypatch.setattr(runtime, "agreement", no_export)

    assert isinstance(with_runtime(encoder, cache, "auto", images=1), CompiledEncoder)


def test_a_broken_export_is_made_anew(
    encoder: OpenClipEncoder, cache: Path, tmp_path: Path
) -> None:
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    weights = export_folder(encoder, tmp_path) / "tower.bin"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])

    assert isinstance(with_runtime(encoder, tmp_path, "openvino", images=1), CompiledEncoder)
    assert weights.read_bytes() == whole


def test_auto_exports_only_for_many_images(
    encoder: OpenClipEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    monkeypatch.setattr(runtime, "_compiled", lambda _, folder: asked.append(folder))

    assert with_runtime(encoder, tmp_path, "auto", images=WORTH_EXPORTING - 1) is encoder
    assert not asked
    with_runtime(encoder, tmp_path, "auto", images=WORTH_EXPORTING)
    assert asked == [export_folder(encoder, tmp_path)]


def test_torch_never_looks_at_an_export(
    encoder: OpenClipEncoder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "export_folder", no_export)

    assert with_runtime(encoder, cache, "torch", images=1000) is encoder


def test_without_openvino_torch_goes_on_and_says_so_once(
    encoder: OpenClipEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)

    assert with_runtime(encoder, tmp_path, "openvino", images=1) is encoder
    assert with_runtime(encoder, tmp_path, "auto", images=1000) is encoder

    assert len(caplog.messages) == 1
    assert "runs in torch" in caplog.text
    assert "RSQA_RUNTIME=torch" in caplog.text


def test_a_tower_unlike_torch_is_refused(
    encoder: OpenClipEncoder, cache: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    record = export_folder(encoder, tmp_path) / "tower.json"
    content = json.loads(record.read_text())
    content["agreement"] = dict.fromkeys(content["agreement"], 0.9)
    record.write_text(json.dumps(content))

    assert with_runtime(encoder, tmp_path, "openvino", images=1) is encoder
    assert "cosine" in caplog.text


def test_agreement_is_the_worst_cosine(encoder: OpenClipEncoder) -> None:
    class Turned:
        preprocessing = encoder.preprocessing

        def encode_images(self, images: list[Any]) -> list[Any]:
            return encoder.encode_images([np.ascontiguousarray(rgb[:, ::-1]) for rgb in images])

    turned: Any = Turned()
    assert agreement(encoder, turned) < AGREEMENT


def test_an_export_reports_to_nobody(
    encoder: OpenClipEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    telemetry = pytest.importorskip("openvino_telemetry")
    monkeypatch.setattr(telemetry.Telemetry, "init", no_export)
    monkeypatch.setattr(telemetry.Telemetry, "send_event", no_export)

    runtime._export(encoder, export_folder(encoder, tmp_path))

    assert (export_folder(encoder, tmp_path) / "tower.xml").exists()


def test_another_kind_of_encoder_stays_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Other:
        name = "other"

    other: Encoder = Other()  # type: ignore[assignment]
    assert with_runtime(other, tmp_path, "auto", images=1000) is other
    assert not caplog.messages
    assert with_runtime(other, tmp_path, "openvino", images=1) is other
    assert "only encoders of open_clip" in caplog.text
