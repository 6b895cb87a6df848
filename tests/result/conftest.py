"""The project that the stage `result` runs in."""

from pathlib import Path

import pytest

from stages.tables import Image, read_images, write_images, write_partitions
from stages.tables.links import write_links
from stages.tables.manifest import write_manifest
from stages.tables.methods import METHODS
from tests.result.stage import BASE, FOLDER, GROUPS, LINKS, write


@pytest.fixture
def project(workdir: Path) -> Path:
    """Twelve images; the groups are the clusters of the ensemble and of all methods of two objectives."""
    write_images(Path("data/images/d.parquet"), [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(12)], [])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for objective in ("jule", "idec"):
        for method in METHODS:
            columns = ("a", "b") if method == "views" else (method,)
            write(objective, method, fingerprint, **dict.fromkeys(columns, GROUPS))
    run = {"algorithm": "run", "layer": "L3", "overclustering": 1}
    write_partitions(FOLDER / "baseline/a.parquet", BASE, dict.fromkeys(BASE, run), fingerprint)
    settings = {
        "algorithms": ["run"],
        "shares": [1],
        "overclustering": [1],
        "backbones": ["a"],
        "partition_weights": [1.5, 0.5],
    }
    write_partitions(FOLDER / "ensemble.parquet", {"ensemble": GROUPS}, {"ensemble": settings}, fingerprint)
    write_manifest(Path("data/views/d/features.json"), {"a": {"L3": "0"}})
    write_links(Path("data/graphs/d.parquet"), LINKS, fingerprint, {"structure": {"odds": 2.0, "cut": 1.0}})
    return workdir
