"""The report: what was run, how good it is and what the clusters look like, on one self-contained page."""

from stages.reporting.classes import ClassReport, read_classes
from stages.reporting.contactsheet import (
    Cluster,
    Sheet,
    Strip,
    Tile,
    choose_images,
    cluster_sizes,
    contact_sheet,
    on_boundary,
)
from stages.reporting.counts import CountChart, Counts, Curve, count_chart
from stages.reporting.csvrows import text_of
from stages.reporting.dendrogram import Tree, read_merges, tree
from stages.reporting.figures import Scatter, scatter
from stages.reporting.gallery import Gallery, Space, commonest_clusters, gallery_json
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
from stages.reporting.nearest import nearest_rows
from stages.reporting.page import Dataset, render
from stages.reporting.picture import maps_picture
from stages.reporting.projection import project, project_each, sample_rows
from stages.reporting.rivals import Rivals, find_rivals
from stages.reporting.room import Room, share_room
from stages.reporting.scoretable import Column, Row, ScoreTable, score_table
from stages.reporting.sprites import Sprites, SpriteSheets, jpeg_uri, picture_bytes, shrink, sprite_side
from stages.reporting.training import Training, read_courses, training

__all__ = [
    "Agreement",
    "Assignments",
    "ClassReport",
    "Cluster",
    "Column",
    "CountChart",
    "Counts",
    "Curve",
    "Dataset",
    "Gallery",
    "Rejected",
    "Rivals",
    "Room",
    "Row",
    "Scatter",
    "ScoreTable",
    "Scores",
    "Sheet",
    "Space",
    "SpriteSheets",
    "Sprites",
    "Strip",
    "Tile",
    "Training",
    "Tree",
    "choose_images",
    "cluster_sizes",
    "commonest_clusters",
    "contact_sheet",
    "count_chart",
    "find_rivals",
    "gallery_json",
    "jpeg_uri",
    "maps_picture",
    "nearest_rows",
    "on_boundary",
    "picture_bytes",
    "project",
    "project_each",
    "read_agreement",
    "read_assignments",
    "read_classes",
    "read_counts",
    "read_courses",
    "read_merges",
    "read_rejected",
    "read_scores",
    "render",
    "sample_rows",
    "scatter",
    "score_table",
    "share_room",
    "shrink",
    "sprite_side",
    "text_of",
    "training",
    "tree",
]
