"""How good and how alike partitions are."""

from stages.scoring.agreement import view_agreement
from stages.scoring.external import external_scores
from stages.scoring.internal import mean_silhouette, silhouette_curve

__all__ = ["external_scores", "mean_silhouette", "silhouette_curve", "view_agreement"]
