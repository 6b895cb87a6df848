"""How many clusters there are: the cut of a dendrogram whose modularity on the views' graph is the greatest."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.core.counted import counted
from stages.core.dendrogram import most_clusters
from stages.graphs.modularity import Agreement, link_agreement

# A resolution below 1 makes up for the many small communities that a graph of few neighbours has; docs/results has
# how far off the number found is at others.
_RESOLUTION, _COARSER, _FINER = 0.75, 0.4, 1.5
_PLAUSIBLE = 0.02  # below the greatest modularity, and a number of clusters is about as good as the best
_EXACT = 60  # numbers of clusters that are all looked at; of more, as many in geometric steps first
_TIE = 1e-9  # modularities this near are equal, but for rounding

Cut = Callable[[int], np.ndarray]  # from a number of clusters to labels int (n)


@dataclass(frozen=True)
class ClusterCount:
    """The number of clusters that the views' graph speaks for, and how clearly.

    n_clusters : the number whose cut has the greatest modularity, at a resolution of .75.
    plausible : the least and the greatest number whose cut has one within .02 of it, no less than `coarser` and no
    more than `finer`: of many images, cuts into crumbs lose hardly any links.
    coarser, finer : the numbers found at resolutions of .4 and 1.5; None where they are the same.
    clear : whether there are groups at all, see `Structure`.
    counts : int (c), ascending, the numbers of clusters looked at.
    modularity : float64 (c), that of their cuts at the resolution of .75.
    """

    n_clusters: int
    plausible: tuple[int, int]
    coarser: int | None
    finer: int | None
    clear: bool
    counts: np.ndarray
    modularity: np.ndarray

    def __str__(self) -> str:
        """Return it as a line: "15 groups (13 to 24 plausible; coarser 9, finer 24)"."""
        least, most = self.plausible
        notes = [f"{least} to {most} plausible"] if least < most else []
        others = (("coarser", self.coarser), ("finer", self.finer))
        notes += [", ".join(f"{name} {count}" for name, count in others if count)]
        noted = "; ".join(filter(None, notes))
        groups = counted(self.n_clusters, "group")
        return f"{groups if self.clear else f'no clear groups, {groups} at best'}{f' ({noted})' if noted else ''}"


def choose_cluster_count(cut: Cut, links: np.ndarray, n_images: int, clear: bool) -> ClusterCount:
    """Return the number of clusters, from 1 to twice the root of `n_images`, whose `cut` has the most modularity.

    `links` int (m, 2) are those of `view_links`; whether there are `clear` groups, a `Structure` says. Of
    equal modularities the fewest clusters win. Where there are many numbers, some 60 in geometric steps are looked
    at, and then every one between the neighbours of the best.
    """
    found: dict[int, Agreement] = {}

    def look(counts: np.ndarray) -> None:
        for count in counts.tolist():
            if count not in found:
                found[count] = link_agreement(links, cut(count))

    most = most_clusters(n_images)
    steps = np.arange(1, most + 1)
    if most > _EXACT:
        steps = np.unique(np.geomspace(1, most, _EXACT).round().astype(int))
    look(steps)
    for resolution in (_COARSER, _RESOLUTION, _FINER):
        place = int(np.searchsorted(steps, _best(found, resolution)))
        look(np.arange(steps[max(place - 1, 0)], steps[min(place + 1, len(steps) - 1)] + 1))

    counts = np.array(sorted(found))
    values = np.array([found[count].modularity(_RESOLUTION) for count in counts.tolist()])
    best, coarser, finer = (_best(found, resolution) for resolution in (_RESOLUTION, _COARSER, _FINER))
    plausible = counts[values >= values.max() - _PLAUSIBLE]
    return ClusterCount(
        n_clusters=best,
        plausible=(max(int(plausible[0]), min(coarser, best)), min(int(plausible[-1]), max(finer, best))),
        coarser=coarser if coarser < best else None,
        finer=finer if finer > best else None,
        clear=clear,
        counts=counts,
        modularity=values,
    )


def _best(found: dict[int, Agreement], resolution: float) -> int:
    """The number of clusters with the greatest modularity, of equal ones the least."""
    values = {count: agreement.modularity(resolution) for count, agreement in found.items()}
    greatest = max(values.values())
    return min(count for count, value in values.items() if value >= greatest - _TIE)
