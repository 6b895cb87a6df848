"""What the rows of a file of corrections do to clusters, whatever their numbers are in this run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.counted import counted
from stages.core.errors import printable
from stages.core.spreadsheets import rows_of_gone
from stages.correcting.file import ASIDE, MEMBER, MERGE, MOVE, NEW, RENAME, Row
from stages.tables.corrections import Corrections

OVERLAP = 0.5  # share of a group's listed images that must be in one cluster, and more, for it to be the group


@dataclass(frozen=True)
class Corrected:
    """The clusters after corrections, int32 (n), -1 for an image set aside; the names given; what was done."""

    labels: np.ndarray
    names: Mapping[int, str]
    done: Corrections


def correct(paths: Sequence[str], labels: np.ndarray, rows: Sequence[Row]) -> Corrected:
    """Apply `rows` in their order to the clusters `labels`, int (n) from 0 on, of the images `paths` (n).

    A group of the rows is the cluster that has more than `OVERLAP` of its listed images, those that are gone left
    out; there can be only one. Rows of a group without such a cluster, and of images that are gone, do nothing and
    are counted. A new group has the number of its row, or the next one where a cluster has that. A cluster that
    joined another one is that one from then on. Numbers stay as they are.
    """
    places = {path: place for place, path in enumerate(paths)}
    groups, skipped = _find_groups(places, labels, rows)
    if gone := [row.value for row in rows if row.image is not None and row.image not in places]:
        skipped.append(f"{rows_of_gone(len(gone))}, such as {printable(gone[0])!r}, passed over")
    made = _new_groups({int(number) for number in np.unique(labels)}, rows)
    groups |= made
    after, names = labels.astype(np.int32), dict[int, str]()
    # Each cluster, and which it is part of now.
    homes = {int(number): int(number) for number in [*np.unique(labels), *made.values()]}
    for row in rows:
        group = groups.get(row.group)
        home = None if group is None else homes[group]
        if row.action == ASIDE and row.value in places:
            after[places[row.value]] = -1
        elif home is None:
            continue
        elif row.action == MOVE and row.value in places:
            after[places[row.value]] = home
        elif row.action == RENAME:
            if names.get(home, row.value) != row.value:
                skipped.append(f"cluster {home} is named {names[home]!r} and {row.value!r}; the last is taken")
            names[home] = row.value
        elif row.action == MERGE and (other := groups[row.value]) is not None and homes[other] != home:
            joining = homes[other]
            after[after == joining] = home
            homes = {number: home if part_of == joining else part_of for number, part_of in homes.items()}
            names.pop(joining, None)
    present = set(after.tolist())
    names = {number: name for number, name in names.items() if number in present}
    stayed = np.array([homes[number] for number in labels.tolist()], dtype=np.int32)
    done = Corrections(
        rows=tuple((row.action, row.group, row.value) for row in rows),
        groups=groups,
        merged={number: home for number, home in homes.items() if number != home},
        moved=int(((after >= 0) & (after != stayed)).sum()),
        aside=int((after < 0).sum()),
        renamed=len(names),
        skipped=tuple(skipped),
    )
    return Corrected(after, names, done)


def _new_groups(taken: set[int], rows: Iterable[Row]) -> dict[str, int]:
    """The number of each group that is made by hand, none of those `taken`."""
    made: dict[str, int] = {}
    for row in rows:
        if row.action == NEW and row.group not in made:
            made[row.group] = 1 + max(taken) if int(row.value) in taken else int(row.value)
            taken.add(made[row.group])
    return made


def _find_groups(
    places: Mapping[str, int], labels: np.ndarray, rows: Iterable[Row]
) -> tuple[dict[str, int | None], list[str]]:
    """The cluster of each group of the rows, None without one, and sentences on those without."""
    members: dict[str, set[str]] = {}
    uses: dict[str, int] = {}
    for row in rows:
        if row.action == MEMBER:
            members.setdefault(row.group, set()).add(row.value)
        else:
            for group in {row.group, row.value if row.action == MERGE else row.group} - {""}:
                uses[group] = uses.get(group, 0) + 1
    groups: dict[str, int | None] = {}
    skipped = []
    for group, listed in members.items():
        found = labels[[places[path] for path in sorted(listed & places.keys())]]
        counts = np.bincount(found, minlength=1)
        most = int(counts.max())
        groups[group] = int(counts.argmax()) if most > OVERLAP * len(found) else None
        if groups[group] is None:
            why = (
                f"no cluster has more than half of its {len(found)} images, one has {most}"
                if len(found)
                else "none of its images is there"
            )
            skipped.append(f"group {group!r}: {why}; {counted(uses.get(group, 0), 'row')} not applied")
    return groups, skipped
