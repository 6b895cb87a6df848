"""How good and how alike partitions are."""

from stages.scoring.agreement import view_agreement
from stages.scoring.classes import ClassScores, class_scores
from stages.scoring.confusion import Confusion, confusion
from stages.scoring.external import external_scores
from stages.scoring.internal import mean_silhouette, silhouette_curve
from stages.scoring.summary import summary
from stages.scoring.treetop import Merge, last_merges

__all__ = [
    "ClassScores",
    "Confusion",
    "Merge",
    "class_scores",
    "confusion",
    "external_scores",
    "last_merges",
    "mean_silhouette",
    "silhouette_curve",
    "summary",
    "view_agreement",
]
