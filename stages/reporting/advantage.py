"""Whether it was worth to combine the views, and to train a network: in a sentence for each way to measure."""

from collections.abc import Mapping

from stages.reporting.scoretable import Values
from stages.tables.methods import ENSEMBLE, FeatureMethod, MethodName

_MEASURES = (
    ("modularity", "By modularity, without labels", 0.02),
    ("nmi_geometric", "By NMI (geometric mean) with the labels", 0.005),
)  # the last: differences that mean nothing


def advantages(joint: Mapping[str, Values], single: Mapping[str, Values]) -> tuple[str, ...]:
    """Compare ensemble, multi-view network and best single view, by each measure that all of them have.

    `joint` and `single` are the scores by method, as of `score_table`. The best single view is picked after the
    fact: nobody knows it before.
    """
    network = next((name for name in joint if MethodName.parse(name).method == FeatureMethod.DMVC), "")
    sentences = []
    for key, title, alike in _MEASURES:
        views = {name: value for name, values in single.items() if (value := values.get(key)) is not None}
        combined = {
            name: value
            for name in (network, ENSEMBLE)
            if name in joint and (value := joint[name].get(key)) is not None
        }
        if views and combined:
            best = max(views, key=views.__getitem__)
            listed = [f"{name} {value:.3f}" for name, value in combined.items()]
            listed.append(f"best single view {views[best]:.3f} ({best}, picked after the fact)")
            text = f"{title}: {', '.join(listed)}."
            sentences.append(" ".join([text, *_remarks(combined, views[best], network, alike)]))
    return tuple(sentences)


def _remarks(combined: Mapping[str, float], view: float, network: str, alike: float) -> list[str]:
    """Where combining or training did not help, say so."""
    remarks = []
    if network in combined and ENSEMBLE in combined:
        gain = combined[network] - combined[ENSEMBLE]
        if gain <= -alike:
            remarks.append("The network does not help here.")
        elif gain < alike:
            remarks.append("The network does about as well as the ensemble.")
    if max(combined.values()) <= view - alike:
        remarks.append("Combining the views does not reach the best of them.")
    return remarks
