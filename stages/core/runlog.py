"""What a run cost and ran on. It differs from run to run, so it never enters a cached output."""

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from stages.core.atomic import write_text

FOLDER = Path("logs")  # beside dvc.yaml; not in git, not tracked by DVC
_PACKAGES = ("numpy", "pillow", "scikit-learn", "timm", "torch", "torchvision")


def write_runlog(name: str, **facts: Any) -> None:
    """Write `facts` (seconds, device, ...) and the versions at work to logs/<name>.json, replacing the last."""
    versions = {package: importlib.metadata.version(package) for package in _PACKAGES}
    content = {"python": platform.python_version(), "versions": versions, **facts}
    write_text(FOLDER / f"{name}.json", json.dumps(content, indent=2) + "\n")
