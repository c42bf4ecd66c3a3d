"""The image networks by name: how each is built, read and fed, under which licence, from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rsqa_core.encoders.networks import croma, rsmamba, satvision, skysense
from rsqa_core.encoders.networks.adapter import NetworkConfig, NetworkEncoder
from rsqa_core.encoders.networks.checkpoints import read_checkpoint
from rsqa_core.encoders.networks.inputs import BandPreprocessing
from rsqa_core.errors import NotFoundError, UnreadableFileError
from rsqa_core.state_dicts import misfit


@dataclass(frozen=True, slots=True)
class ImageNetwork:
    """An image network as published.

    Attributes:
        name: what people call it.
        config: the published sizes.
        build: makes the untrained network of a configuration.
        remap: brings a checkpoint into the network's own keys.
        infer: reads the sizes off remapped weights, the rest from ``config``.
        preprocessing: how images become its input.
        dropped: regular expressions of the checkpoint's keys that the network does not need.
        stand_ins: see ``read_checkpoint``.
        file: name of the checkpoint.
        source: where its authors offer it.
        licence: what they say of code and weights.
    """

    name: str
    config: NetworkConfig
    build: Callable[[Any], nn.Module]
    remap: Callable[[Mapping[str, Any]], dict[str, Tensor]]
    infer: Callable[[Mapping[str, Tensor], Any], NetworkConfig]
    preprocessing: BandPreprocessing
    dropped: tuple[str, ...]
    file: str
    source: str
    licence: str
    stand_ins: tuple[str, ...] = ()


def _croma(size: str, modality: str) -> ImageNetwork:
    base = croma.CROMA_LARGE if size == "large" else croma.CromaConfig()
    return ImageNetwork(
        name=f"croma-{size}-{modality}",
        config=croma.CromaConfig(modality, base.size_px, base.dim, base.layers),
        build=croma.build_croma,
        remap=partial(croma.remap_croma, modality=modality),
        infer=croma.infer_croma,
        preprocessing=croma.croma_preprocessing(modality),
        dropped=croma.DROPPED[modality],
        file=f"CROMA_{size}.pt",
        source="https://huggingface.co/antofuller/CROMA",
        licence="code MIT, weights unknown",
    )


def _rsmamba(data_set: str) -> ImageNetwork:
    return ImageNetwork(
        name=f"rsmamba-{data_set}",
        config=rsmamba.RSMambaConfig(),
        build=rsmamba.build_rsmamba,
        remap=rsmamba.remap_rsmamba,
        infer=rsmamba.infer_rsmamba,
        preprocessing=rsmamba.PREPROCESSING[data_set],
        dropped=rsmamba.DROPPED,
        file=f"a checkpoint trained on {data_set}, of any size,",
        source="https://huggingface.co/KyanChen/RSMamba",
        licence="code Apache-2.0, weights unknown",
        stand_ins=rsmamba.STAND_INS,
    )


_LISTED = (
    *(_croma(size, modality) for size in ("base", "large") for modality in croma.PREPROCESSING),
    *(_rsmamba(data_set) for data_set in rsmamba.PREPROCESSING),
    ImageNetwork(
        name="satvision-toa",
        config=satvision.SATVISION,
        build=satvision.build_satvision,
        remap=satvision.remap_satvision,
        infer=satvision.infer_satvision,
        preprocessing=satvision.PREPROCESSING,
        dropped=satvision.DROPPED,
        file="mp_rank_00_model_states.pt",
        source=(
            "https://huggingface.co/nasa-cisto-data-science-group/"
            "satvision-toa-giant-patch8-window8-128"
        ),
        licence="code Apache-2.0, weights unknown",
    ),
    ImageNetwork(
        name="skysense-hr",
        config=skysense.SKYSENSE_HR,
        build=skysense.build_skysense_hr,
        remap=skysense.remap_skysense_hr,
        infer=skysense.infer_skysense_hr,
        preprocessing=skysense.PREPROCESSING_HR,
        dropped=skysense.DROPPED_HR,
        file="skysense_model_backbone_hr.pth",
        source="https://github.com/Jack-bo1220/SkySense",
        licence="non-commercial research only",
    ),
    ImageNetwork(
        name="skysense-s2",
        config=skysense.SkySenseS2Config(),
        build=skysense.build_skysense_s2,
        remap=skysense.remap_skysense_s2,
        infer=skysense.infer_skysense_s2,
        preprocessing=skysense.PREPROCESSING_S2,
        dropped=skysense.DROPPED_S2,
        file="skysense_model_backbone_s2.pth",
        source="https://github.com/Jack-bo1220/SkySense",
        licence="non-commercial research only",
    ),
)
NETWORKS = {network.name: network for network in _LISTED}


def image_network(name: str) -> ImageNetwork:
    """Return a network by its name.

    Raises:
        NotFoundError: there is none; says which there are.
    """
    if name not in NETWORKS:
        raise NotFoundError.named("image network", name, NETWORKS)
    return NETWORKS[name]


def read_network_state(network: ImageNetwork, path: Path) -> dict[str, Tensor]:
    """Return a checkpoint's weights under the network's own keys.

    Raises:
        UnreadableFileError: the file is missing or damaged, or has another layout.
    """
    return network.remap(read_checkpoint(path, network.stand_ins))


def network_of(network: ImageNetwork, state: Mapping[str, Tensor], path: Path) -> NetworkEncoder:
    """Return the encoder with the weights ``state``, which ``path`` held.

    Raises:
        InvalidInputError: the weights take other bands than the preprocessing makes.
        UnreadableFileError: weights are missing, left over or not finite.
    """
    config = network.infer(state, network.config)
    with torch.device("meta"):  # without memory: the file's tensors become the weights themselves
        model = network.build(config)
    if wrong := misfit(model.state_dict(), state):
        raise UnreadableFileError(
            f"{path} does not hold the weights of {network.name}: {wrong}. Expected {network.file} "
            f"of {network.source}."
        )
    bad = [key for key, value in state.items() if not value.isfinite().all()]
    if bad:
        raise UnreadableFileError(f"{path} holds values that are not finite, in {bad[0]!r}.")
    model.load_state_dict(state, assign=True)
    return NetworkEncoder(network.name, model, config, network.preprocessing)
