"""Which layer and which architecture to take: Guerin et al. (Neurocomputing 2021), section 3, on what was run.

A task is what the source.yaml of image sets says, such as faces, and the mean over those that say so; if none says
any, each image set with labels is one. Scores of the algorithms are averaged first, then deviations are taken over
what a figure leaves out; all are standard deviations of what was measured, not estimates for other tasks.
"""

from dataclasses import dataclass, field

import pandas as pd

from stages.studies.bars import Bar, BarChart, bar_chart
from stages.studies.sections import LayerSection, span

SCORES = ("nmi_geometric", "purity")
_FACTORS = ["layer", "backbone", "algorithm"]
_HEADINGS = ("Layer", "Architecture", "Algorithm", "{}", "NMI (geometric)", "Purity", "± NMI", "± Purity")
_AXIS = "NMI (geometric mean, 0 to 1)"


@dataclass(frozen=True)
class LayerStudy:
    """Tables and figures by name, and what follows from them in sentences.

    `by_set` has a figure of the algorithms for each dataset on which several were run.
    """

    tables: dict[str, pd.DataFrame]
    figures: dict[str, BarChart]
    conclusions: tuple[str, ...]
    by_set: dict[str, BarChart] = field(default_factory=dict)


def layer_study(scores: pd.DataFrame) -> LayerStudy:
    """Study `scores`: one row a dataset, backbone, layer and algorithm, with `nmi_geometric` and `purity`.

    A column `task`, if there is one, has the task of each dataset; one without a task ("") is a task by itself.
    Only layers and algorithms that every dataset and backbone have are studied, so that nothing is compared across
    different sets of them.
    """
    by_set = _by_set(scores)
    scores = _balanced(scores)
    own, kind = "dataset", "image set"  # the column, and what a reader calls it
    if "task" in scores and scores["task"].any():
        own = kind = "task"
        scores = scores.assign(task=scores["task"].where(scores["task"] != "", scores["dataset"]))
    else:
        scores = scores.drop(columns="task", errors="ignore")
    tables = {"scores": scores}
    if own == "task":
        scores = scores.groupby(["task", *_FACTORS], sort=False)[list(SCORES)].mean().reset_index()
    layer_architecture = _spread(scores, ["backbone", "layer"], [own])
    layer_task = _spread(scores, [own, "layer"], ["backbone"])
    tables |= {
        "summary": _spread(scores, _FACTORS, [own]),
        "layer_architecture": layer_architecture,
        "layer_task": layer_task,
    }
    if scores.empty:
        tables["architecture_task"] = _spread(scores, [own, "backbone"], ["algorithm"])
        return LayerStudy(
            tables, {}, ("No image set has labels, so layers and architectures cannot be compared.",)
        )
    means = scores.groupby("layer", sort=False)["nmi_geometric"].mean()
    layer = str(means.idxmax())
    chosen = scores[scores["layer"] == layer]
    tables["architecture_task"] = _spread(chosen, [own, "backbone"], ["algorithm"])
    figures = {
        "layer_architecture": _figure(
            "Layers by architecture", "architecture", f"{kind}s", layer_architecture, "backbone", "layer"
        ),
        "layer_task": _figure(f"Layers by {kind}", kind, "architectures", layer_task, own, "layer"),
        "architecture_task": _figure(
            f"Architectures by {kind}, {layer}",
            kind,
            "algorithms",
            tables["architecture_task"],
            own,
            "backbone",
        ),
    }
    conclusions = (_on_layers(scores, means, own, kind), *_on_architectures(chosen, layer, own, kind))
    return LayerStudy(tables, figures, conclusions, by_set)


def layer_section(study: LayerStudy) -> LayerSection:
    """Return the section of a study, whose table "scores" has the number of `images` and of `clusters`, too."""
    scores, summary = study.tables["scores"], study.tables["summary"]
    tasks = "task" in scores
    labelled = tuple(
        f"{name} ({', '.join(filter(None, [group['task'].iloc[0] if tasks else '', _counts(group)]))})"
        for name, group in scores.groupby("dataset", sort=False)
    )
    rows = tuple(tuple(row) for row in summary.itertuples(index=False))
    charts = tuple(chart for chart in study.figures.values() if len(chart.bars) > 1)  # one bar compares nothing
    headings = tuple(heading.format("Tasks" if tasks else "Image sets") for heading in _HEADINGS)
    return LayerSection(labelled, charts, study.conclusions, headings, rows)


def _counts(scores: pd.DataFrame) -> str:
    return f"{span(scores['images'].tolist())} images in {span(scores['clusters'].tolist())} clusters"


def _balanced(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of those layers and algorithms that occur with every dataset and backbone."""
    for name in ("layer", "algorithm"):
        pairs = scores[["dataset", "backbone"]].drop_duplicates()
        counts = scores.drop_duplicates(["dataset", "backbone", name]).groupby(name).size()
        scores = scores[scores[name].isin(counts.index[counts == len(pairs)])]
    return scores.reset_index(drop=True)


def _spread(scores: pd.DataFrame, kept: list[str], over: list[str]) -> pd.DataFrame:
    """Mean and standard deviation over the factors `over`, others averaged before, for each of those `kept`."""
    cells = scores.groupby([*kept, *over], sort=False)[list(SCORES)].mean().reset_index()
    groups = cells.groupby(kept, sort=False)[list(SCORES)]
    parts = [groups.mean(), groups.std(ddof=0).add_suffix("_deviation")]
    table = pd.concat(parts, axis=1)
    table.insert(0, f"{over[0]}s", groups.size())
    return table.reset_index()


def _figure(title: str, x_label: str, over: str, table: pd.DataFrame, groups: str, series: str) -> BarChart:
    count = int(table.iloc[:, 2].max())
    bars = [
        Bar(row[groups], row[series], row["nmi_geometric"], row["nmi_geometric_deviation"], int(row.iloc[2]))
        for _, row in table.iterrows()
    ]
    return bar_chart(title, x_label, _AXIS, f"standard deviation over the {over} ({count})", bars)


def _by_set(scores: pd.DataFrame) -> dict[str, BarChart]:
    """A figure of the algorithms for every dataset with several: on each architecture, over its layers."""
    figures = {}
    for dataset, own in scores.groupby("dataset", sort=False):
        table = _spread(_balanced(own), ["backbone", "algorithm"], ["layer"])
        if table["algorithm"].nunique() > 1:
            title = f"Algorithms on {dataset}"
            figures[str(dataset)] = _figure(title, "architecture", "layers", table, "backbone", "algorithm")
    return figures


def _on_layers(scores: pd.DataFrame, means: pd.Series, own: str, kind: str) -> str:
    if len(means) == 1:
        return f"One layer was run only, {means.index[0]}, so layers cannot be compared."
    ordered = means.sort_values(ascending=False, kind="stable")
    others = ", ".join(f"{layer} {value:.3f}" for layer, value in ordered.iloc[1:].items())
    cells = scores.groupby([own, "backbone", "layer"], sort=False)["nmi_geometric"].mean().unstack()
    wins = int((cells.idxmax(axis=1) == ordered.index[0]).sum())
    return (
        f"{ordered.index[0]} is the best layer in the mean (NMI {ordered.iloc[0]:.3f}; {others}), and the best "
        f"one for {wins} of {len(cells)} pairs of architecture and {kind}."
    )


def _on_architectures(scores: pd.DataFrame, layer: str, own: str, kind: str) -> list[str]:
    cells = scores.groupby([own, "backbone"], sort=False)["nmi_geometric"].mean().unstack()
    if len(cells.columns) == 1:
        return [f"One architecture was run only, {cells.columns[0]}, so architectures cannot be compared."]
    means = cells.mean()
    best = str(means.idxmax())
    winners = cells.idxmax(axis=1)
    first = f"On {layer}, {best} is the best architecture in the mean (NMI {means[best]:.3f})"
    unknown = "nothing can be said on how that changes with the task"
    if len(cells) == 1:
        return [f"{first}; with one {kind}, {cells.index[0]}, {unknown}."]
    if (winners == best).all():
        return [f"{first}, and on each of the {len(cells)} {kind}s."]
    listed = ", ".join(f"{winner} on {dataset}" for dataset, winner in winners.items())
    losses = cells.max(axis=1) - cells[best]
    worst = str(losses.idxmax())
    return [
        f"{first}, but none is the best on all: {listed}.",
        f"Who takes {best} everywhere loses {losses.mean():.3f} NMI in the mean against the best of each {kind}, "
        f"and {losses[worst]:.3f} on {worst}.",
    ]
