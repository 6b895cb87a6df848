"""What a training's unfinished state depends on, as one digest."""

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np


def training_fingerprint(arrays: Sequence[np.ndarray], facts: Mapping[str, Any]) -> str:
    """Return 64 hex digits for the `arrays` that a training reads and the JSON `facts` that decide it.

    The code of the trainings and the versions of what computes are in it, too: a state that others left is not
    gone on from.
    """
    import stages.deep

    digest = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    for package in ("numpy", "scikit-learn", "torch"):
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    for file in sorted(Path(next(iter(stages.deep.__path__))).glob("*.py")):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
