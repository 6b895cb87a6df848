"""How often `manyviews assign` refuses images of known classes, wrongly, and of classes it never saw, rightly.

`python -m tests.benchmarks.strangers DATA`, where DATA is the data/ of a project with the L3 features of the image
sets in `SETS`, takes ten minutes on one core.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch

from stages.commands.fitting import fits
from stages.deep import DMVC
from stages.deep.clusters import nearest_centres
from stages.deep.models import read_model, write_model
from stages.tables import read_images, read_vectors

SETS = {"coil20": 4, "umist": 4, "usps": 2, "flowers": 2, "fashion_test": 2}  # with the classes left out
MOST, LARGE = 1500, 2000  # images taken of sets with more than LARGE
DRAWS = 2


def refused(data: Path, name: str, n_left_out: int, seed: int) -> tuple[float, float]:
    """The share of held-out images refused: of the classes trained on, and of those left out."""
    random = np.random.default_rng(seed)
    labels = read_images(data / f"images/{name}.parquet").labels
    classes = random.permutation(np.unique(labels))
    order = random.permutation(len(labels))
    rows = np.sort(order[: MOST if len(labels) > LARGE else len(labels)])
    views = [
        read_vectors(folder / "L3.parquet", "features").values[rows]
        for folder in sorted((data / "features" / name).iterdir())
    ]
    stranger = np.isin(labels[rows], classes[:n_left_out])
    known = random.permutation(np.flatnonzero(~stranger))
    held = np.isin(np.arange(len(rows)), known[: len(known) // 5])
    trained = DMVC(len(classes) - n_left_out, random_state=seed).fit([view[~stranger & ~held] for view in views])
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder) / "model.safetensors", trained, {})
        model = read_model(Path(folder) / "model.safetensors")

    def cluster(embedding: np.ndarray) -> np.ndarray:
        return nearest_centres(torch.from_numpy(embedding), model.centres)

    def share(chosen: np.ndarray) -> float:
        new = model.transform([view[chosen] for view in views])
        return 1 - float(fits(new, cluster(new), trained.embedding_, cluster(trained.embedding_)).mean())

    return share(held), share(stranger)


def main() -> None:
    """Parse the command line and print a line for each image set."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.strangers", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the data")
    parser.add_argument("sets", nargs="*", default=list(SETS), help="image sets; default: all")
    options = parser.parse_args()
    print("image set      known classes refused   classes left out refused")
    for name in options.sets:
        draws = [refused(options.data, name, SETS[name], seed) for seed in range(DRAWS)]
        wrongly, rightly = np.mean(draws, axis=0)
        print(f"{name:14} {wrongly:>21.1%}   {rightly:>24.1%}", flush=True)


if __name__ == "__main__":
    main()
