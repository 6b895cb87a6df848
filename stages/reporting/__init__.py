"""The report: what was run, how good it is and what the clusters look like, on one self-contained page."""

from stages.reporting.contactsheet import (
    Cluster,
    Sheet,
    Strip,
    Tile,
    choose_images,
    cluster_sizes,
    contact_sheet,
    thumbnail,
)
from stages.reporting.counts import CountChart, Counts, Curve, count_chart
from stages.reporting.figures import Scatter, scatter
from stages.reporting.inputs import (
    Agreement,
    Assignments,
    Rejected,
    Scores,
    read_agreement,
    read_assignments,
    read_counts,
    read_rejected,
    read_scores,
)
from stages.reporting.page import Chart, Dataset, render
from stages.reporting.picture import maps_picture
from stages.reporting.projection import project, project_each, sample_rows
from stages.reporting.scoretable import Column, Row, ScoreTable, score_table

__all__ = [
    "Agreement",
    "Assignments",
    "Chart",
    "Cluster",
    "Column",
    "CountChart",
    "Counts",
    "Curve",
    "Dataset",
    "Rejected",
    "Row",
    "Scatter",
    "ScoreTable",
    "Scores",
    "Sheet",
    "Strip",
    "Tile",
    "choose_images",
    "cluster_sizes",
    "contact_sheet",
    "count_chart",
    "maps_picture",
    "project",
    "project_each",
    "read_agreement",
    "read_assignments",
    "read_counts",
    "read_rejected",
    "read_scores",
    "render",
    "sample_rows",
    "scatter",
    "score_table",
    "thumbnail",
]
