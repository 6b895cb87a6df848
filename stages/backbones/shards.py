"""Finished shards of features on disk, so that a killed extraction goes on where it was."""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from stages.core.errors import TableError, first_line
from stages.core.runlog import Timings
from stages.core.seal import BLANK, KEY, SealError, check_seal, replacing_sealed

_SHARD_BYTES = 64 << 20  # of features in a shard: little to lose in a kill, little to hold in memory
_MOST_ROWS = 1024


def shard_rows(dimensions: int, batch_size: int) -> int:
    """Images in a shard: a power of two, at most 1024, of 64 MiB of features with `dimensions` in all.

    It is raised to whole batches: a batch that is mostly padding would waste the network's time.
    """
    fitting = max(1, _SHARD_BYTES // (4 * dimensions))
    rows = min(_MOST_ROWS, 1 << (fitting.bit_length() - 1))
    return -(-rows // batch_size) * batch_size


class ShardStore:
    """Shards of `rows` images each, the last one shorter, in a folder of their own.

    The folder's name is a digest of `facts`, which must hold all that decides the features, and one of the `code`
    that computes them. Folders of other facts or other code beside it are of no use any more and are removed. A
    shard appears whole or not at all.
    """

    def __init__(
        self,
        folder: Path,
        facts: Mapping[str, Any],
        dimensions: Mapping[str, int],
        n_images: int,
        rows: int,
        code: str = "",
    ):
        facts = {**facts, "rows": rows, "n_images": n_images, "dimensions": dict(dimensions)}
        self._facts = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
        self.folder = folder / f"{self._facts}-{code[:16]}"
        self.count = -(-n_images // rows)
        self._dimensions, self._n_images, self._rows = dimensions, n_images, rows

    def bounds(self, shard: int) -> tuple[int, int]:
        """The first image of a shard, and the one after its last."""
        return shard * self._rows, min((shard + 1) * self._rows, self._n_images)

    def discard_others(self, report: Callable[[str], None] = lambda line: None) -> None:
        """Remove what others, and killed runs like this one, have left; `report` why shards of use to none go."""
        for place in sorted(self.folder.parent.glob("*/")):
            if place != self.folder:
                same = place.name.startswith(f"{self._facts}-")
                reason = "other code or other versions of packages" if same else "other images or parameters"
                report(f"{place} holds shards of an unfinished run with {reason}; they are computed again")
                shutil.rmtree(place)
        for partial in self.folder.glob(".partial-*"):
            partial.unlink()

    def missing(self) -> list[int]:
        """The shards that are not there, or not whole."""
        return [shard for shard in range(self.count) if not self._is_whole(shard)]

    def save(self, shard: int, features: Mapping[str, np.ndarray]) -> None:
        """Write the features of a shard: by layer, float32 (images, d)."""
        with replacing_sealed(self._file(shard)) as partial:
            safetensors.numpy.save_file(dict(features), partial, {KEY: BLANK})

    def save_each(self, finished: Iterable[tuple[int, Mapping[str, np.ndarray]]], timings: Timings) -> None:
        """Write shards as they come, each one while the next one is computed."""

        def save(shard: int, features: Mapping[str, np.ndarray]) -> None:
            with timings.measure("write"):
                self.save(shard, features)

        with ThreadPoolExecutor(1) as writer:
            saving: Future[None] | None = None
            for shard, features in finished:
                if saving:
                    with timings.measure("wait for disk"):
                        saving.result()
                saving = writer.submit(save, shard, features)
            if saving:
                saving.result()

    def load(self, layer: str) -> Iterator[np.ndarray]:
        """Yield one layer of all shards in order, one shard in memory at a time.

        Raises `TableError` for a shard that was damaged since it was written; the next run computes it again.
        """
        for shard in range(self.count):
            file = self._file(shard)
            try:
                check_seal(file)
                with safetensors.safe_open(file, "numpy") as content:
                    features = content.get_tensor(layer)
            except (OSError, SealError, safetensors.SafetensorError) as error:
                raise TableError(f"{file} is damaged ({first_line(error)}); run this again") from None
            yield features

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, shard: int) -> Path:
        return self.folder / f"{shard:06}.safetensors"

    def _is_whole(self, shard: int) -> bool:
        start, stop = self.bounds(shard)
        expected = {layer: [stop - start, dimension] for layer, dimension in self._dimensions.items()}
        try:
            check_seal(self._file(shard))
            with safetensors.safe_open(self._file(shard), "numpy") as content:
                return {name: content.get_slice(name).get_shape() for name in content.keys()} == expected  # noqa: SIM118
        except (OSError, SealError, safetensors.SafetensorError):
            return False
