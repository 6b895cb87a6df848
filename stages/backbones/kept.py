"""Features of the last finished extraction, so that the next one computes only images that are new since then."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from stages.core.digests import file_digest
from stages.core.errors import one_line
from stages.core.seal import BLANK, KEY, check_seal, replacing_sealed


def image_digests(images: Iterable[bytes]) -> np.ndarray:
    """The sha256 of encoded images, uint8 (n, 32)."""
    digests = b"".join(hashlib.sha256(data).digest() for data in images)
    return np.frombuffer(digests, np.uint8).reshape(-1, 32)


class KeptFeatures:
    """The tables of a finished extraction, one a layer, and the digests of the images in their rows.

    `facts` must hold all that decides the features but the images, the "layers" among them; `code` is the digest
    of the code. The tables are links to the stage's own, which DVC removes before the stage runs again. An index
    holds the digests of the images and of the tables, and one of facts and code. It goes first and comes last, so
    a kill leaves everything or no index; and of tables that were changed, nothing is taken.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any], code: str) -> None:
        self.folder = folder
        self._index = folder / "index.safetensors"
        self._layers = tuple(facts["layers"])
        self._key = hashlib.sha256(json.dumps([facts, code], sort_keys=True).encode()).hexdigest()

    def table(self, layer: str) -> Path:
        return self.folder / f"{layer}.parquet"

    def find(self, digests: np.ndarray, report: Callable[[str], None]) -> np.ndarray:
        """Return for each image, by its digest, its row in the tables, int64 (n), -1 where it is in none.

        `report` gets a line about what is there, and why it is of no use.
        """
        rows = np.full(len(digests), -1)
        if not self._index.exists():
            return rows
        try:
            check_seal(self._index)
            with safetensors.safe_open(self._index, "numpy") as index:
                known, noted = index.get_tensor("images"), index.metadata()
            del noted[KEY]
            if noted["key"] != self._key:
                report(
                    f"{self.folder} holds features by other code, versions or parameters; all are computed again"
                )
                return rows
            if noted != self._notes():
                raise ValueError("a table is not the one that was kept")
            places = {digest.tobytes(): row for row, digest in enumerate(known)}
        except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
            report(f"{self.folder} is damaged ({one_line(error)}); all features are computed again")
            return rows
        rows[:] = [places.get(digest.tobytes(), -1) for digest in digests]
        new = int((rows < 0).sum())
        report(f"{len(rows) - new} of {len(rows)} images were in the last run, too; {new} are computed")
        return rows

    def replace(self, digests: np.ndarray, tables: Mapping[str, Path], report: Callable[[str], None]) -> None:
        """Keep these tables, by layer, instead; where that fails, nothing is kept and `report` gets a line."""
        try:
            self._index.unlink(missing_ok=True)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
            for layer in self._layers:
                _link(tables[layer], self.table(layer))
            with replacing_sealed(self._index) as partial:
                safetensors.numpy.save_file({"images": digests}, partial, {**self._notes(), KEY: BLANK})
        except (OSError, safetensors.SafetensorError) as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            report(f"features could not be kept ({one_line(error)}); the next run will compute all images again")

    def _notes(self) -> dict[str, str]:
        return {"key": self._key, **{layer: file_digest(self.table(layer)) for layer in self._layers}}


def _link(file: Path, link: Path) -> None:
    try:
        os.link(file, link)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(file, link)
