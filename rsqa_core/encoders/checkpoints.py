"""Reading weights files of other projects safely, and writing them again as safetensors."""

from __future__ import annotations

import fnmatch
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from rsqa_core.encoders.specs import KeyRules
from rsqa_core.errors import UnreadableFileError
from rsqa_core.state_dicts import misfit, some

State = dict[str, Tensor]

_NO_RULES = KeyRules()
_KEPT_LONG_CLIP = 20
"""Positions that Long-CLIP takes from the table of the original CLIP."""


def numpy_scalars() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Return what a pickle may name beside tensors: the parts of numpy's scalar numbers.

    Training checkpoints keep figures such as the best loss as such scalars. The second name of the
    constructor is that of numpy before 2.0.
    """
    scalar: Callable[..., Any] = cast("Callable[..., Any]", np.float64(0).__reduce__()[0])
    kinds = (np.float16, np.float32, np.float64, np.int32, np.int64, np.bool_)
    return [
        (scalar, "numpy._core.multiarray.scalar"),
        (scalar, "numpy.core.multiarray.scalar"),
        np.dtype,
        *(type(np.dtype(kind)) for kind in kinds),
    ]


def read_state(path: Path, rules: KeyRules = _NO_RULES, member: str = "") -> State:
    """Return the tensors of a weights file, named as the model names them.

    Args:
        path: a safetensors file, a file of ``torch.save``, or a zip archive around one.
        rules: how keys become the model's.
        member: pattern of the file inside an archive; empty for a plain file.

    Raises:
        UnreadableFileError: the file is missing or damaged, holds anything but tensors and plain
            values, or has no such member or entry.
    """
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as stream:
                return {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
        if member and path.suffix == ".zip":
            with _extracted(path, member) as inner:
                loaded = _unpickled(inner)
        else:
            loaded = _unpickled(path)
    except UnreadableFileError:
        raise
    except Exception as error:  # safetensors, pickle and zip errors have no common type
        raise UnreadableFileError(f"Cannot read encoder weights {path}: {error}") from error
    return renamed(_weights_in(loaded, rules, path), rules)


def renamed(state: Mapping[str, Tensor], rules: KeyRules) -> State:
    """Return ``state`` with the keys and tensors that ``rules`` make of it.

    Example:
        >>> rules = KeyRules(prefix="module.", renamed=((r"^backbone\\.", "visual."),))
        >>> list(renamed({"module.backbone.conv1.weight": torch.zeros(1)}, rules))
        ['visual.conv1.weight']
    """
    result: State = {}
    for key, value in state.items():
        name = key.removeprefix(rules.prefix)
        for pattern, replacement in rules.renamed:
            name = re.sub(pattern, replacement, name)
        result[name] = value
    if rules.merging == "long-clip" and "positional_embedding_res" in result:
        stretched = result.pop("positional_embedding_res")
        # Long-CLIP adds the first positions of one table and the others of the second, so that one
        # table made of both parts gives the same sum.
        result["positional_embedding"] = torch.cat(
            [result["positional_embedding"][:_KEPT_LONG_CLIP], stretched[_KEPT_LONG_CLIP:]]
        )
    return result


def load_exactly(
    model: nn.Module, state: Mapping[str, Tensor], path: Path, ignored: tuple[str, ...] = ()
) -> State:
    """Put ``state`` into ``model`` when every key has its counterpart; floats become float32.

    Returns:
        what was loaded, in its own types.

    Raises:
        UnreadableFileError: keys are missing, left over (but for those matching ``ignored``) or of
            another shape, or a value is not finite.
    """
    known = model.state_dict()
    taken = {
        key: value
        for key, value in state.items()
        if key in known or not any(fnmatch.fnmatch(key, pattern) for pattern in ignored)
    }
    if wrong := misfit(known, taken):
        raise UnreadableFileError(
            f"{path} does not fit the architecture: {wrong}. Name the architecture that the file "
            "was trained with."
        )
    bad = [k for k, v in taken.items() if v.is_floating_point() and not v.isfinite().all()]
    if bad:
        raise UnreadableFileError(f"{path} holds values that are not finite, in {bad[0]!r}.")
    model.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in taken.items()})
    return taken


def write_state(state: Mapping[str, Tensor], target: Path, origin: Mapping[str, str]) -> None:
    """Write tensors as safetensors, whole or not at all.

    Args:
        state: what ``load_exactly`` returned.
        target: final place.
        origin: where the tensors come from, kept in the file.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".partial-") as folder:
        partial = Path(folder) / target.name
        # safetensors refuses tensors that share memory, as views of a mapped file do.
        tensors = {key: value.contiguous().clone() for key, value in state.items()}
        save_file(tensors, partial, metadata=dict(origin))
        partial.replace(target)


def _unpickled(path: Path) -> Any:
    with torch.serialization.safe_globals(numpy_scalars()):
        # Mapping leaves the optimiser's state of a training checkpoint on the disk.
        return torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )


def _weights_in(loaded: Any, rules: KeyRules, path: Path) -> State:
    found = loaded
    if rules.inside and isinstance(loaded, Mapping) and rules.inside in loaded:
        found = loaded[rules.inside]
    if not isinstance(found, Mapping) or not found:
        raise UnreadableFileError(
            f"{path} holds no weights: expected a dictionary of tensors, but got "
            f"{type(found).__name__}."
        )
    strange = [str(key) for key, value in found.items() if not isinstance(value, Tensor)]
    if strange:
        raise UnreadableFileError(
            f"{path} holds more than weights: {some(strange)} are no tensors. Its entries are "
            f"{some([str(key) for key in loaded])}; expected "
            f"{repr(rules.inside) if rules.inside else 'only tensors'}."
        )
    return dict(found)


@contextmanager
def _extracted(archive: Path, pattern: str) -> Iterator[Path]:
    """Give the one file inside an archive that matches ``pattern``, unpacked beside it."""
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if fnmatch.fnmatch(name, pattern)]
        names = [name for name in names if not name.startswith("__MACOSX/")]
        if len(names) != 1:
            raise UnreadableFileError(
                f"Expected one file like {pattern!r} in {archive}, but got {names or 'none'} of "
                f"{opened.namelist()[:4]}."
            )
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".unpacked-") as folder:
            target = Path(folder) / "inner.pt"  # no part of the name comes from the archive
            with opened.open(names[0]) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
            yield target
