"""Runs parts of the campaign and prints what held. It exits with 1 if anything did not."""

import importlib
import sys
from typing import Annotated

import typer

from tests.campaign.tally import Tally

# Each part is a module with `run(count, seed) -> Tally`. The numbers: cases of the short form and of the long one.
PARTS = {
    "damage": (1_500, 5_000),
    "values": (150, 500),
    "kills": (12, 80),
    "disks": (22, 110),
}


def main(
    parts: Annotated[list[str] | None, typer.Argument(help=f"of {', '.join(PARTS)}; all by default")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="cases of each part, not the usual number")] = None,
    short: Annotated[bool, typer.Option("--short", help="as many cases as .ci/run tries")] = False,
    seed: Annotated[int, typer.Option(min=0, help="from which all cases are drawn")] = 0,
) -> None:
    """Run parts of the campaign."""
    tallies: list[Tally] = []
    for part in parts or PARTS:
        if part not in PARTS:
            sys.exit(f"there is no part {part!r}: {', '.join(PARTS)}")
        usual = PARTS[part][0 if short else 1]
        tallies.append(importlib.import_module(f"tests.campaign.{part}").run(count or usual, seed))
    print(*tallies, sep="\n")
    sys.exit(any(tally.faults for tally in tallies))


if __name__ == "__main__":
    typer.run(main)
