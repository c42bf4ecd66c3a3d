"""The image networks as entries of the registry of encoders."""

from __future__ import annotations

from rsqa_core.encoders.networks.catalogue import NETWORKS, ImageNetwork
from rsqa_core.encoders.specs import EncoderSpec, HubFile


def network_specs() -> dict[str, EncoderSpec]:
    """Return every network's spec by its name."""
    return {name: _network_spec(network) for name, network in NETWORKS.items()}


def _network_spec(network: ImageNetwork) -> EncoderSpec:
    repository = network.source.removeprefix("https://huggingface.co/")
    on_hub = repository != network.source and " " not in network.file
    file = HubFile(network.file, repository) if on_hub else HubFile("checkpoint.pt")
    bands = ", ".join(network.preprocessing.bands)
    return EncoderSpec(
        id=network.name,
        loader="network",
        architecture=network.name,
        files=(file,),
        preprocessing=None,
        dim=network.config.dim,
        has_text=False,
        licence=network.licence,
        source=network.source,
        needs=("torchgeo",) if network.name.startswith("croma") else (),
        note=f"No text. Bands: {bands}." + ("" if on_hub else " Only from a file."),
    )
