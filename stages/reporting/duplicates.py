"""The page's section on near-duplicates: how many there are, and the largest groups of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.reporting.contactsheet import Strip, Tile
from stages.tables.near_duplicates import NearDuplicates

MOST_GROUPS = 24  # on the page
MOST_IMAGES = 8  # of a group on the page, the best first


@dataclass(frozen=True)
class Duplicates:
    """How many `images` are in `groups` of near-duplicates, how many are `spare`, and the `strips` on the page."""

    images: int
    groups: int
    spare: int
    strips: tuple[Strip, ...]


def choose_duplicates(near: NearDuplicates) -> list[list[int]]:
    """Choose the rows to show of the largest groups, the best image of each first."""
    groups = []
    for group in range(min(MOST_GROUPS, near.groups.max(initial=-1) + 1)):
        members = np.flatnonzero(near.groups == group)
        groups.append(members[np.argsort(~near.best[members], kind="stable")][:MOST_IMAGES].tolist())
    return groups


def lay_out_duplicates(
    near: NearDuplicates, chosen: Sequence[Sequence[int]], tiles: Mapping[int, Tile]
) -> Duplicates:
    """Lay out the `chosen` rows of some groups, whose `tiles` are known by row."""
    sizes = np.bincount(near.groups[near.groups >= 0])
    strips = (
        Strip(f"{sizes[group]} images", tuple(tiles[row] for row in rows)) for group, rows in enumerate(chosen)
    )
    return Duplicates(int(sizes.sum()), len(sizes), int(near.spare.sum()), tuple(strips))
