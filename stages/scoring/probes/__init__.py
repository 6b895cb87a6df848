"""Supervised scores of a representation: how well labels can be read off it, whatever was clustered.

They use the labels, so they are for comparisons alone: nothing that chooses a result may depend on them.
"""

from stages.scoring.probes.folds import MOST, FoldScores, Probe, draw_rows
from stages.scoring.probes.linear import linear_accuracy
from stages.scoring.probes.verification import verification_accuracy

PROBES = {Probe.LINEAR: linear_accuracy, Probe.VERIFICATION: verification_accuracy}

__all__ = ["MOST", "PROBES", "FoldScores", "Probe", "draw_rows", "linear_accuracy", "verification_accuracy"]
