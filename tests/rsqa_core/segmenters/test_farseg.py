"""Released FarSeg weights under torchgeo's names; the file has the real keys and wrapping."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from rsqa_core.errors import MissingExtraError, UnreadableFileError
from rsqa_core.segmenters.farseg import RELEASED_CLASSES, build_farseg, read_release
from rsqa_core.segmenters.released import load_released_farseg

pytest.importorskip("torchgeo.models")


def released_names(network: nn.Module) -> dict[str, Tensor]:
    """The state of a torchgeo network as the authors' file names it, with a 1x1 classifier."""
    state: dict[str, Tensor] = {}
    for key, value in network.state_dict().items():
        name = re.sub(r"^backbone\.", "en.resnet.", key)
        name = re.sub(
            r"^fpn\.(inner|layer)_blocks\.(\d)\.0\.",
            lambda m: f"fpn.fpn_{m[1]}{int(m[2]) + 1}.",
            name,
        )
        name = re.sub(r"^fsr\.", "sr.", name)
        name = name.replace("decoder.classifier.0.", "cls_pred_conv.")
        if name == "cls_pred_conv.weight":
            value = value[:, :, 1:2, 1:2].clone()
        state[f"module.{name}"] = value
    state["module.buffer_step"] = torch.tensor(60000)
    return state


def save(path: Path, state: dict[str, Any]) -> Path:
    torch.save({"model": state, "global_step": 60000}, path)
    return path


@pytest.fixture(scope="module")
def small() -> nn.Module:
    torch.manual_seed(0)
    return build_farseg("resnet18", 4).eval()


def test_every_key_of_the_release_has_its_place(small: nn.Module, tmp_path: Path) -> None:
    state = read_release(save(tmp_path / "farseg.pth", released_names(small)))

    assert state.keys() == small.state_dict().keys()
    other = build_farseg("resnet18", 4)
    other.load_state_dict(state)  # strict


def test_the_padded_classifier_gives_what_a_1x1_one_gives(small: nn.Module, tmp_path: Path) -> None:
    state = read_release(save(tmp_path / "farseg.pth", released_names(small)))
    other = build_farseg("resnet18", 4).eval()
    other.load_state_dict(state)
    x = torch.randn(1, 3, 64, 64)
    kept: list[Tensor] = []
    classifier: Any = other.get_submodule("decoder.classifier")
    classifier[0].register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0]))

    with torch.inference_mode():
        given = other(x)
        kernel = state["decoder.classifier.0.weight"][:, :, 1:2, 1:2]
        logits = functional.conv2d(kept[0], kernel, state["decoder.classifier.0.bias"])
        expected = functional.interpolate(
            logits, scale_factor=4, mode="bilinear", align_corners=True
        )
    assert torch.allclose(given, expected, atol=1e-5)


def test_the_release_segments_as_it_is(tmp_path: Path) -> None:
    torch.manual_seed(0)
    full = build_farseg("resnet50", len(RELEASED_CLASSES))
    path = save(tmp_path / "farseg50.pth", released_names(full))

    segmenter = load_released_farseg(path)

    assert segmenter.classes == RELEASED_CLASSES
    assert segmenter.reference is None
    rgb = np.random.default_rng(0).integers(0, 256, (3, 40, 64)).astype(np.uint8)
    given = segmenter.predict(rgb)
    assert given.probs.shape == (16, 40, 64)
    assert given.features["encoder"].shape[0] == 2048
    assert given.features["decoder"].shape[0] == 128


def test_files_of_another_form_are_refused(small: nn.Module, tmp_path: Path) -> None:
    state = released_names(small)
    torch.save({"state_dict": state}, tmp_path / "other.pth")
    with pytest.raises(UnreadableFileError, match="'model'"):
        read_release(tmp_path / "other.pth")
    four = save(tmp_path / "four.pth", state)
    with pytest.raises(UnreadableFileError, match="with 4 classes"):
        load_released_farseg(four)
    wide = state | {"module.cls_pred_conv.weight": torch.zeros(4, 128, 3, 3)}
    path = save(tmp_path / "wide.pth", wide)
    with pytest.raises(UnreadableFileError, match="to be 1x1"):
        read_release(path)
    del state["module.cls_pred_conv.bias"]
    path = save(tmp_path / "none.pth", state)
    with pytest.raises(UnreadableFileError, match=r"no cls_pred_conv\.bias"):
        read_release(path)


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {"module.x": Path("x")}}, tmp_path / "code.pth")

    with pytest.raises(UnreadableFileError, match="Cannot read FarSeg weights"):
        read_release(tmp_path / "code.pth")


def test_without_torchgeo_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchgeo.models", None)

    with pytest.raises(MissingExtraError, match=r"rsqa\[encoders\]"):
        build_farseg("resnet18", 2)
