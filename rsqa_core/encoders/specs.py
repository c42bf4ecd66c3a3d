"""What must be known of an encoder before a byte of it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from rsqa_core.encoders.preprocessing import Preprocessing

Basis = Literal["stated", "inferred", "unknown"]


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of an encoder: where it is and what it must be.

    Attributes:
        path: in ``repository``, or the file's name when there is a ``url``.
        repository: of the model hub, OWNER/NAME.
        url: whole address, for files outside of the hub.
        revision: branch, tag or commit of the repository.
        sha256, size: where they are known; None where nobody states them.
        also_called: other paths that the file may have; asked for when the first is not there.
        saved_as: path in the encoder's own folder; default: the file's name.
        optional: the encoder can do without it.
        member: pattern of the file inside when the file is a zip archive around it.
    """

    path: str
    repository: str = ""
    url: str = ""
    revision: str = "main"
    sha256: str | None = None
    size: int | None = None
    also_called: tuple[str, ...] = ()
    saved_as: str = ""
    optional: bool = False
    member: str = ""

    @property
    def local_name(self) -> str:
        return self.saved_as or PurePosixPath(self.path).name

    def addresses(self, hub: str) -> tuple[str, ...]:
        """Return the addresses to try, in order; none when nobody offers the file by itself."""
        if self.url or not self.repository:
            return (self.url,) if self.url else ()
        root = f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}"
        return tuple(f"{root}/{path}" for path in (self.path, *self.also_called))


@dataclass(frozen=True, slots=True)
class KeyRules:
    """How the keys of a checkpoint become the keys of the model.

    Attributes:
        inside: entry of the checkpoint that holds the weights; empty when it is the checkpoint.
        prefix: taken off the keys.
        renamed: regular expressions with their replacements, in order.
        ignored: patterns of keys that may be left over; any other one is an error.
        merging: name of a rule that makes one tensor from several; ``long-clip`` is the only one.
    """

    inside: str = ""
    prefix: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    merging: Literal["", "long-clip"] = ""


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """An encoder as the registry knows it.

    Attributes:
        id: what users and heads call it.
        loader: kind of loader, a key of ``loading.LOADERS``.
        architecture: what the loader builds, in the loader's own terms.
        files: the weights first, then configuration and tokenizer.
        preprocessing: None when the checkpoint's own configuration file states it.
        dim: length of an embedding.
        has_text: whether there is a text tower.
        quick_gelu: activation of open_clip's towers; None where the architecture leaves no choice.
        activation_basis: how ``quick_gelu`` is known. It cannot be read from weights, and a wrong
            one gives slightly wrong embeddings without any error.
        keys: how keys are mapped.
        needs: packages of the optional extra ``encoders``.
        context_length: of the text tower, where it differs from the architecture's.
        about_mb: rough size of the download, for people; 0 when nothing is known.
        licence, source, revision: whose it is, where it is described, which version.
        note: what a user should know.
    """

    id: str
    loader: str
    architecture: str
    files: tuple[HubFile, ...]
    preprocessing: Preprocessing | None
    dim: int
    has_text: bool
    licence: str
    source: str
    revision: str = "main"
    quick_gelu: bool | None = None
    activation_basis: Basis = "stated"
    keys: KeyRules = KeyRules()
    needs: tuple[str, ...] = ()
    context_length: int | None = None
    about_mb: int = 0
    note: str = ""

    @property
    def folder(self) -> str:
        """Name of its folder among the encoders; both activations share the weights."""
        return self.id.partition("+")[0].replace("/", "-").replace(":", "--")
