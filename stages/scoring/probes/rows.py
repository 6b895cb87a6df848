"""The supervised scores of all representations of one dataset, as rows of a table of their own."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from stages.core.seeds import derived_seed
from stages.scoring.probes import PROBES, Probe
from stages.scoring.scores import DIGITS

COLUMNS = (
    *("representation", "dimensions", "probe", "accuracy", "accuracy_ste", "chance"),
    *("folds", "samples", "images", "supervised"),
)


def probe_rows(
    representations: Iterable[tuple[str, np.ndarray]], classes: np.ndarray, probes: Sequence[Probe], seed: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each of the `representations`, float32 (n, d) by name, and each of the `probes`.

    `classes` is int (n), -1 for none. All representations have the same folds and pairs, those of the `seed`.
    Where labels are too few for a probe there is no row.
    """
    for name, vectors in representations:
        for probe in probes:
            found = PROBES[probe](vectors, classes, derived_seed(seed, "probes", probe))
            if found is not None:
                yield {
                    "representation": name,
                    "dimensions": vectors.shape[1],
                    "probe": str(probe),
                    "accuracy": round(found.mean, DIGITS),
                    "accuracy_ste": round(found.ste, DIGITS),
                    "chance": round(found.chance, DIGITS),
                    "folds": len(found.accuracies),
                    "samples": found.samples,
                    "images": int((classes >= 0).sum()),
                    "supervised": "yes",
                }
