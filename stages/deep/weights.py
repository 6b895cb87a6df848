"""Trained weights as a safetensors file: no pickle, and the same bytes for the same weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor


def write_weights(file: Path, state: Mapping[str, Tensor], settings: Mapping[str, Any]) -> None:
    """Write tensors on the CPU by name, with `settings` as JSON under the one metadata key "manyviews".

    One key only: safetensors does not promise an order of several.
    """
    save_file(dict(state), file, metadata={"manyviews": json.dumps(dict(settings), sort_keys=True)})
