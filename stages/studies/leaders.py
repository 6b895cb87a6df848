"""Which network to take: follow the leader against hindsight and against the ensemble, over all labelled sets.

Guerin et al. (Neurocomputing 2021), section 6.2, take on each image set the network that was best in the mean on
the others (LNet), and compare it with the best and the worst one there, known in hindsight alone (BNet, WNet).
They rank by the mean of NMI, purity and accuracy; here it is the NMI.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import pandas as pd

from stages.studies.sections import LeaderRow, LeadersSection


@dataclass(frozen=True)
class Joint:
    """All networks together on labelled `images`: the NMI of the `ensemble`, and of the `result` of a `method`."""

    images: int
    ensemble: float
    method: str
    result: float


def follow_the_leader(scores: pd.DataFrame, joint: Mapping[str, Joint]) -> tuple[LeaderRow, ...]:
    """Return a row for each layer, algorithm and image set; none for fewer than two sets or two networks.

    `scores` has "nmi_geometric" for each "dataset", "backbone", "layer" and "algorithm"; `joint` has the datasets
    by name. Networks that not all sets have are left out. Of equal networks the first counts.
    """
    rows: list[LeaderRow] = []
    for (layer, algorithm), group in scores.groupby(["layer", "algorithm"], sort=False):
        table: dict[str, dict[str, float]] = {}  # by image set and network
        for row in group.to_dict("records"):
            table.setdefault(str(row["dataset"]), {})[str(row["backbone"])] = float(row["nmi_geometric"])
        names = dict.fromkeys(map(str, group["backbone"]))
        networks = [name for name in names if all(name in scored for scored in table.values())]
        if len(table) < 2 or len(networks) < 2:
            continue
        for dataset, own in table.items():
            elsewhere = [scored for other, scored in table.items() if other != dataset]
            means = {name: fmean(scored[name] for scored in elsewhere) for name in networks}
            leader = max(networks, key=means.__getitem__)
            best, worst = max(networks, key=own.__getitem__), min(networks, key=own.__getitem__)
            whole = joint[dataset]
            rows.append(
                LeaderRow(
                    *(dataset, whole.images, str(layer), str(algorithm)),
                    *(leader, own[leader], best, own[best], worst, own[worst]),
                    *(whole.ensemble, whole.method, whole.result),
                )
            )
    return tuple(rows)


def leaders_section(rows: Sequence[LeaderRow]) -> LeadersSection | None:
    """Return the section of the `rows`, with a sentence for each algorithm and layer; None without rows."""
    groups: dict[tuple[str, str], list[LeaderRow]] = {}
    for row in rows:
        groups.setdefault((row.algorithm, row.layer), []).append(row)
    return LeadersSection(tuple(rows), tuple(map(_sentence, groups.values()))) if rows else None


def _sentence(rows: Sequence[LeaderRow]) -> str:
    """Compare the rules in the mean over the image sets, and count where the leader was right or beaten."""
    number = len(rows)
    leader = fmean(row.leader_nmi for row in rows)
    best, worst = fmean(row.best_nmi for row in rows), fmean(row.worst_nmi for row in rows)
    ensemble, result = fmean(row.ensemble_nmi for row in rows), fmean(row.result_nmi for row in rows)
    right = sum(row.leader_nmi == row.best_nmi for row in rows)
    above = sum(row.ensemble_nmi > row.leader_nmi for row in rows)
    beyond = sum(row.ensemble_nmi > row.best_nmi for row in rows)
    return (
        f"{rows[0].algorithm} on {rows[0].layer}: following the leader gives an NMI of {leader:.3f} in the mean "
        f"of {number} image sets, the best network of hindsight {best:.3f}, the worst {worst:.3f}, the ensemble "
        f"of all {ensemble:.3f}, the result {result:.3f}. The leader is the best on {right} of {number} sets; the "
        f"ensemble is above the leader on {above}, and above the best on {beyond}."
    )
