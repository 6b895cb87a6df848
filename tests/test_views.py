"""The stage `views`: which tables it lists."""

from pathlib import Path

import numpy as np

from stages.core.digests import file_digest
from stages.core.layer_names import CLASSES
from stages.tables import Image, read_images, write_images, write_partitions, write_vectors
from stages.tables.textfiles import json_of
from stages.views import app
from tests.shell import Shell


def test_class_scores_are_listed_where_a_backbone_has_some(workdir: Path, shell: Shell) -> None:
    write_images(Path("data/images/d.parquet"), [Image(f"{i}.png", b"%d" % i, None, 4, 4) for i in range(3)], [])
    fingerprint = read_images(Path("data/images/d.parquet")).fingerprint
    for backbone, layers in {"a": ["L3"], "b": ["L3", CLASSES]}.items():
        for layer in layers:
            file = Path(f"data/features/d/{backbone}/{layer}.parquet")
            write_vectors(file, "features", [np.ones((3, 2), np.float32)], fingerprint, {})
        baseline = Path(f"data/partitions/d/baseline/{backbone}.parquet")
        write_partitions(baseline, {"run": np.zeros(3, int)}, {"run": {}}, fingerprint)
    assert shell(app, "--dataset", "d", "--backbones", "a", "--backbones", "b")[0] == 0
    listed = json_of(Path("data/views/d/features.json"))
    assert {name: list(tables) for name, tables in listed.items()} == {"a": ["L3"], "b": ["L3", CLASSES]}
    assert listed["b"][CLASSES] == file_digest(Path("data/features/d/b/classes.parquet"))
    write_vectors(
        Path("data/features/d/b/classes.parquet"), "features", [np.ones((3, 2), np.float32)], "other", {}
    )
    status, _, errors = shell(app, "--dataset", "d", "--backbones", "a", "--backbones", "b")
    assert status == 1
    assert errors.startswith("error: data/features/d/b/classes.parquet was made from other images than")
