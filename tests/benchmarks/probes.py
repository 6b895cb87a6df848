"""Supervised scores of representations: the table of docs/results/probes.md, from a finished run.

`python -m tests.benchmarks.probes PROJECT` reads metrics/*/probes.csv of a project that ran with `probes: [linear,
verification]`, and writes the table into the page.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from stages.commands.catalogue import renew
from stages.core.atomic import write_text

PAGE = Path(__file__).parents[2] / "docs" / "results" / "probes.md"
MARKER = "supervised scores"


def table(scores: pd.DataFrame) -> str:
    """Return the `scores`, rows of probes.csv with their `dataset`, as Markdown: a column a dataset and probe."""
    columns = scores[["dataset", "probe"]].drop_duplicates().to_records(index=False).tolist()
    cells = {
        (row.representation, row.dataset, row.probe): f"{_digits(row.accuracy)} ± {_digits(row.accuracy_ste)}"
        for row in scores.itertuples()
    }
    chances = scores.drop_duplicates(["dataset", "probe"])
    lines = [
        ["", *(f"{dataset}, {probe}" for dataset, probe in columns)],
        ["---", *["--:"] * len(columns)],
        *(
            [f"`{name}`", *(cells.get((name, *column), "") for column in columns)]
            for name in scores["representation"].drop_duplicates()
        ),
        ["chance", *map(_digits, chances["chance"])],
        ["images or pairs", *(f"{count:,}" for count in chances["samples"])],
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _digits(value: float) -> str:
    """A score without the zero before its point."""
    return f"{value:.3f}".removeprefix("0")


def read(files: Iterable[Path]) -> pd.DataFrame:
    """The rows of several tables, each with the dataset whose folder it is in."""
    return pd.concat([pd.read_csv(file).assign(dataset=file.parent.name) for file in files], ignore_index=True)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.probes", description=__doc__)
    parser.add_argument("project", type=Path, help="folder of a project that ran")
    found = read(sorted(parser.parse_args().project.glob("metrics/*/probes.csv")))
    page = PAGE.read_text(encoding="utf-8")
    write_text(PAGE, renew(page, MARKER, table(found), PAGE.name))


if __name__ == "__main__":
    main()
