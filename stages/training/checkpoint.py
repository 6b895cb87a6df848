"""The state of an unfinished training: from which data, parameters and code it can be continued."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stages.core.digests import code_digest

if TYPE_CHECKING:
    from stages.deep.checkpoint import FileCheckpoint


def training_checkpoint(
    file: Path,
    arrays: Sequence[np.ndarray],
    facts: Mapping[str, Any],
    script: str,
    seconds: float,
    report: Callable[[str], None],
) -> "FileCheckpoint":
    """Return the checkpoint in `file` of the training by a `script`, "stages.train".

    It is of the `arrays` that the training reads, the JSON `facts` that decide it, and the code that computes. A
    state is written every so many `seconds`; one of another training is not used, and `report` gets a line why.
    """
    from stages.deep.checkpoint import FileCheckpoint

    code = code_digest(script, ("numba", "numpy", "scikit-learn", "scipy", "torch", "torchvision"))
    return FileCheckpoint(file, training_fingerprint(arrays, facts), seconds, code, report)


def training_fingerprint(arrays: Sequence[np.ndarray], facts: Mapping[str, Any]) -> str:
    """Return 64 hex digits for the `arrays` that a training reads and the JSON `facts` that decide it."""
    digest = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
