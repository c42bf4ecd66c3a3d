"""The image networks as entries of the registry: names, downloads, re-saved weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rsqa_core.encoders.fetching import Place
from rsqa_core.encoders.loading import load_spec
from rsqa_core.encoders.networks import catalogue
from rsqa_core.encoders.networks.catalogue import NETWORKS
from rsqa_core.encoders.registry import encoder_ids, find_spec
from rsqa_core.errors import DownloadError
from tests.rsqa_core.encoders.networks.test_catalogue import (
    TINY,
    load_network,
    picture,
    saved,
    tiny,
)
from tests.rsqa_core.serving import Site


def test_every_network_is_registered() -> None:
    assert set(NETWORKS) < set(encoder_ids())
    assert not any(find_spec(name).has_text for name in NETWORKS)


@pytest.mark.parametrize("name", ["croma-base-optical", "satvision-toa"])
def test_a_network_on_the_hub_loads_and_reloads_equal(
    name: str, site: Site, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.NETWORKS, name, tiny(name))
    spec = find_spec(name)
    theirs = saved(name, tmp_path)
    path = f"{spec.files[0].repository}/resolve/main/{spec.files[0].path}"
    site.files[path] = theirs.read_bytes()

    encoder = load_spec(spec, place)

    direct = load_network(tiny(name), theirs)
    assert encoder.fingerprint == direct.fingerprint
    given = picture(len(direct.bands))
    assert np.array_equal(
        encoder.encode_images([given])[0].pooled, direct.encode_images([given])[0].pooled
    )
    assert [file.name for file in place.folder(spec).iterdir()] == ["weights.safetensors"]
    assert load_spec(spec, replace(place, offline=True)).fingerprint == encoder.fingerprint
    assert len(site.requests) == 1


@pytest.mark.parametrize("name", TINY)
def test_a_file_takes_the_place_of_a_download(
    name: str, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.NETWORKS, name, tiny(name))

    encoder = load_spec(find_spec(name), place, given=saved(name, tmp_path))

    assert encoder.dim == TINY[name][2]
    assert not encoder.has_text
    assert not place.root.exists()


def test_a_network_that_nobody_offers_by_itself_asks_for_a_file(place: Place) -> None:
    with pytest.raises(DownloadError, match=r"Jack-bo1220/SkySense says.*skysense-hr:FILE"):
        load_spec(find_spec("skysense-hr"), place)
