"""Runs one comparison by its name."""

import argparse
import importlib

from tests.benchmarks.comparison import Comparison
from tests.benchmarks.pipeline import Pipeline

_TOPICS = (
    *("agdl", "baseline", "consensus", "consensus_functions", "dmvc", "extraction", "fidelity"),
    *(
        "idec",
        "jule",
        "kmeans",
        "linkage",
        "mmdc",
        "near_duplicates",
        "pipeline",
        "seals",
        "silhouettes",
        "spectral",
    ),
)
COMPARISONS: dict[str, Comparison | Pipeline] = {
    comparison.name: comparison
    for topic in _TOPICS
    for comparison in importlib.import_module(f"tests.benchmarks.{topic}").COMPARISONS
}


def main() -> None:
    """Parse the command line and run the comparison."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=sorted(COMPARISONS), help="the comparison to run")
    parser.add_argument("--list", action="store_true", help="name all comparisons and what they compare")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side, in turn; medians are told (3)")
    options = parser.parse_args()
    if options.list or not options.name:
        for name, comparison in sorted(COMPARISONS.items()):
            print(f"{name:20} {comparison.title}")
    else:
        COMPARISONS[options.name].run(options.runs)


if __name__ == "__main__":
    main()
