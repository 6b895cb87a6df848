"""How good and how alike partitions are."""

from stages.scoring.agreement import view_agreement
from stages.scoring.external import external_scores
from stages.scoring.internal import mean_silhouette

__all__ = ["external_scores", "mean_silhouette", "view_agreement"]
