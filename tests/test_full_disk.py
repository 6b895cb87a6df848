"""On a full disk, the libraries that write our files each end in the same line, and nothing is left of the file.

The system refuses to let files grow, which it says as it says that a disk is full; in a process of its own.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource", reason="this system has no limits on the size of files")

PROGRAM = """
import json, resource
from pathlib import Path
import numpy as np, pandas as pd, torch
from stages.backbones.shards import ShardStore
from stages.core.atomic import replacing, write_bytes, write_text
from stages.core.errors import WriteError
from stages.deep.checkpoint import FileCheckpoint
from stages.deep.model_files import write_model_file
from stages.tables import Image, write_images, write_partitions, write_vectors

values = np.random.default_rng(0).normal(size=(500, 50)).astype(np.float32)
labels = np.random.default_rng(0).integers(0, 1 << 30, 9000).astype(np.int32)
tensors = {"a": torch.from_numpy(values)}
images = [Image(f"{i}.png", values[i].tobytes(), None, 4, 4) for i in range(500)]

def csv(file):
    with replacing(file) as partial:
        pd.DataFrame(values).to_csv(partial)

writers = {
    "vectors": lambda file: write_vectors(file, "features", [values], "f", {}),
    "partitions": lambda file: write_partitions(file, {"a": labels}, {"a": {}}, "f"),
    "images": lambda file: write_images(file, images, []),
    "shard": lambda file: ShardStore(file, {}, {"L3": 50}, 500, 500).save(0, {"L3": values}),
    "checkpoint": lambda file: FileCheckpoint(file, "x", seconds=0).save(lambda: tensors),
    "model": lambda file: write_model_file(file, tensors, {}, {}),
    "page": lambda file: write_text(file, "x" * 9000),
    "picture": lambda file: write_bytes(file, b"x" * 9000),
    "csv": csv,
}
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
for name, write in writers.items():
    file = Path(name)
    try:
        write(file)
        print(json.dumps([name, "was written"]))
    except WriteError as error:
        left = [str(place) for place in Path().rglob("*") if place.is_file()]
        print(json.dumps([name, str(error), left]))
"""


def test_each_kind_of_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 9
    reason = (
        "it is larger than a file may be; raise the limit (`ulimit -f`) or use another disk, and run this again"
    )
    for name, message, left in found:
        assert left == []
        assert message.startswith(name) and message.endswith(f" cannot be written: {reason}")
