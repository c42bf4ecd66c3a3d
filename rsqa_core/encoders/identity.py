"""What makes an encoder the same one: weights, activation, preprocessing."""

from __future__ import annotations

import hashlib
import json

from torch import nn

from rsqa_core.encoders.preprocessing import Preprocessing


def fingerprint_of(architecture: str, model: nn.Module, preprocessing: Preprocessing) -> str:
    """Return a SHA-256 of preprocessing, architecture, module types and weights.

    The activation is among the module types: QuickGELU and GELU give different fingerprints.
    """
    digest = hashlib.sha256()
    digest.update(json.dumps(preprocessing.identity(), sort_keys=True).encode())
    digest.update(architecture.encode())
    digest.update(" ".join(type(module).__name__ for module in model.modules()).encode())
    for key, value in sorted(model.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
