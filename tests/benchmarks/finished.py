"""The default setting on whole image sets: ensemble and multi-view network against the best single view.

`python -m tests.benchmarks.finished PROJECT...` reads what finished runs of the pipeline left below data/ of one
or more projects, such as one for each seed, and prints the means as Markdown. n_clusters must be `classes`.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import normalized_mutual_info_score

from stages.graphs import modularity
from stages.tables import read_images, read_partitions
from stages.tables.links import read_links
from tests.benchmarks.quality import markdown


def scores(data: Path, dataset: str) -> dict[str, float]:
    """The geometric NMI of ensemble, network and best single view, and the modularity of the first two."""
    folder, images = data / "partitions" / dataset, read_images(data / "images" / f"{dataset}.parquet")
    links = read_links(data / "graphs" / f"{dataset}.parquet").links

    def nmi(labels: np.ndarray) -> float:
        return float(normalized_mutual_info_score(images.labels, labels, average_method="geometric"))

    single = defaultdict(list)
    for file in sorted((folder / "baseline").glob("*.parquet")):
        table = read_partitions(file)
        for name, labels in table.labels.items():
            if table.settings[name]["overclustering"] == 1:
                single[file.stem, table.settings[name]["algorithm"]].append(nmi(labels))
    found = {"images": float(len(images)), "best single view": max(float(np.mean(v)) for v in single.values())}
    for title, file in (("ensemble", folder / "ensemble.parquet"), ("jule/dmvc", folder / "jule/dmvc.parquet")):
        if file.is_file():
            (labels,) = read_partitions(file).labels.values()
            found |= {title: nmi(labels), f"modularity of {title}": modularity(links, labels)}
    return found


def main() -> None:
    """Print a row for each dataset: means over the projects that have it."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.finished", description=__doc__)
    parser.add_argument("projects", type=Path, nargs="+", help="folders of projects that ran")
    rows: dict[str, list[dict[str, float]]] = defaultdict(list)
    for project in parser.parse_args().projects:
        for file in sorted((project / "data" / "partitions").glob("*/ensemble.parquet")):
            rows[file.parent.name].append(scores(project / "data", file.parent.name))
    means = {name: {"runs": float(len(runs)), **pd.DataFrame(runs).mean()} for name, runs in rows.items()}
    print(markdown(pd.DataFrame(means).T.round(3)))


if __name__ == "__main__":
    main()
