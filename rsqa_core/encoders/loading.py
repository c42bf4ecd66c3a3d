"""From an encoder's name to the encoder: the name's meaning, the files, the loader of its kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import open_clip
from torch import nn

from rsqa_core.encoders import openclip
from rsqa_core.encoders.checkpoints import State, load_exactly, read_state, write_state
from rsqa_core.encoders.fetching import (
    Place,
    get_companions,
    get_weights,
    require_packages,
)
from rsqa_core.encoders.preprocessing import Encoder
from rsqa_core.encoders.registry import ACTIVATIONS, encoder_ids, find_spec, unknown_encoder
from rsqa_core.encoders.specs import EncoderSpec, KeyRules
from rsqa_core.errors import InvalidInputError, NotFoundError, UnreadableFileError
from rsqa_core.progress import Progress, no_progress
from rsqa_core.settings import MODEL_HUB

Adaptation = Callable[[nn.Module, State], State]


def _as_they_are(model: nn.Module, state: State) -> State:
    return state


class Weights:
    """The weights of one encoder, wherever they lie, and the files that come with them.

    The first load of published weights writes them again as safetensors, which every later one
    reads; a file that the user named is read as it is and left alone.

    Args:
        spec: whose weights.
        place: where encoders are kept.
        given: the user's own file, or a folder with all files of the encoder; None downloads.
        progress: told of downloads.
    """

    def __init__(
        self, spec: EncoderSpec, place: Place, given: Path | None, progress: Progress
    ) -> None:
        self.spec = spec
        self._place = place
        self._given = given
        self._progress = progress
        self._published: tuple[Path, dict[str, str]] | None = None

    def folder(self) -> Path:
        """Return a folder with the spec's configuration and tokenizer files.

        Raises:
            DownloadError: one is not here and cannot be had.
            NotFoundError: the folder that the user named lacks one.
        """
        given = self._given
        if given is None or len(self.spec.files) < 2:
            return get_companions(self.spec, self._place, progress=self._progress)
        folder = given if given.is_dir() else given.parent
        needed = [file for file in self.spec.files[1:] if not file.optional]
        for file in needed:
            if not (folder / file.local_name).is_file():
                raise NotFoundError(
                    f"{folder} has no {file.local_name}, which the encoder {self.spec.id!r} needs "
                    f"beside its weights. It is {file.path} of {file.repository or file.url}."
                )
        return folder

    def fetch(self) -> None:
        """Get the published weights where they are needed, before anything is built for them.

        Raises:
            DownloadError: they are not here and cannot be had.
        """
        missing = not self._place.weights(self.spec).is_file()
        if self.spec.files and self._given is None and missing:
            self._published = get_weights(self.spec, self._place, progress=self._progress)

    def path(self) -> Path:
        """Return the weights file: the user's own, or else the newest form of the published one."""
        if self._given is None:
            return self._published[0] if self._published else self._place.weights(self.spec)
        return self._given / self.spec.files[0].local_name if self._given.is_dir() else self._given

    def into(self, model: nn.Module, adapt: Adaptation = _as_they_are) -> None:
        """Load the weights into ``model``: every key has its counterpart, or nothing is loaded.

        Args:
            model: built by the loader.
            adapt: brings a published layout into the model's.

        Raises:
            DownloadError: the weights are not here and cannot be had.
            UnreadableFileError: they are damaged or do not fit.
        """
        spec = self.spec
        member = spec.files[0].member if spec.files else ""
        if self._given is not None:
            path = self.path()
            state = adapt(model, read_state(path, spec.keys, member))
            load_exactly(model, state, path, spec.keys.ignored)
            return
        if self._published is None:
            load_exactly(model, read_state(self.path()), self.path())
            return
        path = self.path()
        try:
            state = adapt(model, read_state(path, spec.keys, member))
            taken = load_exactly(model, state, path, spec.keys.ignored)
        except UnreadableFileError as error:
            raise UnreadableFileError(
                f"{error} The download is kept; remove {path} to fetch it again."
            ) from error
        self.keep(taken)

    def published(self) -> bool:
        """Return whether ``path`` is in its authors' layout rather than re-saved by RSQA."""
        return self._given is not None or self._published is not None

    def keep(self, state: State) -> None:
        """Write downloaded weights, loaded and found right, as what the next load reads."""
        if self._published is not None:
            path, origin = self._published
            write_state(state, self._place.weights(self.spec), origin)
            path.unlink()
            self._published = None


def _load_compact(spec: EncoderSpec, weights: Weights) -> Encoder:
    return openclip.load_compact(openclip.WEIGHTS_DIR / f"{spec.id}.safetensors")


def _load_open_clip(spec: EncoderSpec, weights: Weights) -> Encoder:
    model, tokenize = openclip.build(spec, weights.folder() if len(spec.files) > 1 else None)
    weights.into(model, openclip.adapted)
    return openclip.OpenClipEncoder(
        spec.id, model, tokenize, preprocessing=spec.preprocessing, architecture=spec.architecture
    )


def _load_siglip(spec: EncoderSpec, weights: Weights) -> Encoder:
    from rsqa_core.encoders import siglip  # imports transformers, which may be absent

    folder = weights.folder()
    model = siglip.build(folder)
    weights.into(model)
    return siglip.SiglipEncoder(spec, model, folder)


def _load_network(spec: EncoderSpec, weights: Weights) -> Encoder:
    from rsqa_core.encoders.networks import catalogue  # imports torchgeo, which may be absent

    network, path = catalogue.image_network(spec.architecture), weights.path()
    published = weights.published()
    state = catalogue.read_network_state(network, path) if published else read_state(path)
    encoder = catalogue.network_of(network, state, path)
    weights.keep(state)
    return encoder


LOADERS: dict[str, Callable[[EncoderSpec, Weights], Encoder]] = {
    "compact": _load_compact,
    "open_clip": _load_open_clip,
    "open_clip_folder": _load_open_clip,
    "siglip": _load_siglip,
    "network": _load_network,
}
"""One loader a kind: builds the empty model, fills it with ``weights.into``, wraps it."""


def load(
    name: str,
    *,
    cache_dir: Path | None = None,
    offline: bool = False,
    hub: str = MODEL_HUB,
    progress: Progress = no_progress,
) -> Encoder:
    """Load the encoder called ``name``.

    ``rsqa-compact`` is the shipped one. An id of the registry or ``ARCHITECTURE:TAG`` of open_clip
    is downloaded into ``cache_dir`` at first use. ``ID:FILE`` and ``ARCHITECTURE:FILE`` read a
    local file, ``ID:FOLDER`` a local copy of a repository. ``+gelu`` or ``+quickgelu`` after an id
    or architecture chooses the activation.

    Raises:
        InvalidInputError: nothing is called so, or a package of the extra is absent.
        DownloadError: files are not here and cannot be fetched.
        UnreadableFileError: a weights file does not fit the architecture.
    """
    spec, given = resolve(name)
    require_packages(spec)
    root = cache_dir or Path.home() / ".cache" / "rsqa" / "encoders"
    return load_spec(spec, Place(root, hub, offline), name=name, given=given, progress=progress)


def load_spec(
    spec: EncoderSpec,
    place: Place,
    *,
    name: str = "",
    given: Path | None = None,
    progress: Progress = no_progress,
) -> Encoder:
    """Load what ``spec`` describes; ``name`` (default: the id) is what the encoder is called."""
    weights = Weights(spec, place, given, progress)
    weights.fetch()
    encoder = LOADERS[spec.loader](spec, weights)
    # RSMamba comes in several sizes, which are read off the weights.
    if spec.loader != "network" and spec.dim not in (0, encoder.dim):
        raise UnreadableFileError(
            f"The encoder {spec.id!r} gives vectors of {encoder.dim} numbers; expected {spec.dim}. "
            "Its files are of another model."
        )
    encoder.name = name or spec.id
    return encoder


def resolve(name: str) -> tuple[EncoderSpec, Path | None]:
    """Return the spec that ``name`` means, and the file or folder that it names, if any.

    Raises:
        InvalidInputError: nothing is called so.
    """
    head, colon, rest = name.partition(":")
    if not colon:
        return find_spec(name), None
    path = Path(rest).expanduser()
    known = head in encoder_ids() or f"{head}+gelu" in encoder_ids()
    if known or head.partition("+")[0] in encoder_ids():
        spec = find_spec(head)
        if not spec.files:
            raise InvalidInputError(f"{head!r} is shipped and takes no file, but got {rest!r}.")
        if not path.exists():
            raise UnreadableFileError(
                f"There is no file or folder {rest!r} with weights of {head}."
            )
        return spec, path
    if rest and path.is_file():
        return _architecture_spec(head), path
    return find_spec(name), None


def _architecture_spec(head: str) -> EncoderSpec:
    """Return a spec for unregistered weights of an architecture of open_clip."""
    ending = next((e for e in ACTIVATIONS if head.endswith(e)), "")
    architecture = head.removesuffix(ending)
    if architecture not in open_clip.list_models():
        raise unknown_encoder(head)
    return EncoderSpec(
        id=head,
        loader="open_clip",
        architecture=architecture,
        files=(),
        preprocessing=None,
        dim=0,
        has_text=True,
        licence="the file's own",
        source="a local file",
        quick_gelu=ACTIVATIONS[ending] if ending else None,
        activation_basis="inferred",
        keys=KeyRules(inside="state_dict", prefix="module."),
    )
