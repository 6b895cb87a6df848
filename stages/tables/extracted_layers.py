"""Which layers of the backbones were extracted."""

from collections.abc import Sequence
from pathlib import Path

from stages.core.errors import ParameterError


def check_layer(name: str, layer: str, features: Path, backbones: Sequence[str]) -> None:
    """Refuse a `layer`, the value of the parameter `name`, that others were extracted in the place of.

    `features` is the dataset's folder of tables. Where a backbone has none at all, reading them says so.
    """
    for backbone in backbones:
        there = sorted(file.stem for file in (features / backbone).glob("*.parquet"))
        if there and layer not in there:
            raise ParameterError(f"{name} is {layer!r}, which was not extracted; give one of {', '.join(there)}")
