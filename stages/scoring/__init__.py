"""How good and how alike partitions are."""

from stages.scoring.confusion import class_scores, classes_csv, confusion, confusion_csv, confusions
from stages.scoring.scores import external_scores, mean_silhouette, silhouette_curve, view_agreement
from stages.scoring.treetop import dendrogram_csv, last_merges

__all__ = [
    "class_scores",
    "classes_csv",
    "confusion",
    "confusion_csv",
    "confusions",
    "dendrogram_csv",
    "external_scores",
    "last_merges",
    "mean_silhouette",
    "silhouette_curve",
    "view_agreement",
]
