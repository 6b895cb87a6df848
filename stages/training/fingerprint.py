"""What a training's unfinished state depends on, as digests: its data and parameters, and the code."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stages.core.code_digest import code_digest


def training_fingerprint(arrays: Sequence[np.ndarray], facts: Mapping[str, Any]) -> str:
    """Return 64 hex digits for the `arrays` that a training reads and the JSON `facts` that decide it."""
    digest = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def training_code(script: str) -> str:
    """Return 64 hex digits for the code of a script that trains, "stages.train", and for what it computes with."""
    return code_digest(script, ("numba", "numpy", "scikit-learn", "scipy", "torch"))
