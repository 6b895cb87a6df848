"""The few scores by which two branches are compared."""

from collections.abc import Mapping
from typing import Any

from stages.tables.methods import MethodName

_SCORES = ("nmi_geometric", "accuracy", "silhouette")
_DIGITS = 4  # decimals kept: fewer than chance leaves alone, more than a table needs


def summary(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the scores of the methods that see all views, or the images themselves.

    Parameters
    ----------
    scores : mapping
        What scores.json holds: "dataset" with the numbers of images and clusters, "ensemble" with scores by name,
        and "train" with such scores by method: `objective/method`, or `objective/views/backbone` for one view.

    Returns
    -------
    dict
        "images" and "clusters", counts; then by method the geometric NMI and the accuracy, 0 to 1, where images
        have labels, and the silhouette, -1 to 1, where there is more than one cluster.
    """
    joint = {name: values for name, values in scores["train"].items() if not MethodName.parse(name).on_one_view}
    facts = {name: scores["dataset"][name] for name in ("images", "clusters")}
    return facts | {
        method: {name: round(values[name], _DIGITS) for name in _SCORES if name in values}
        for method, values in {"ensemble": scores["ensemble"], **joint}.items()
    }
