"""From many partitions of the same images to one: consensus by co-association, and others to compare with."""

from stages.consensus.coassociation import CoassociationClustering, cut_with_outliers, membership_confidence
from stages.consensus.cspa import CSPA
from stages.consensus.hbgf import HBGF
from stages.consensus.linkage import LINKAGES, linkage, warm_up
from stages.consensus.mcla import MCLA
from stages.consensus.nmf import NMFConsensus
from stages.consensus.selection import candidates, consensus_stability

__all__ = [
    "CSPA",
    "HBGF",
    "LINKAGES",
    "MCLA",
    "CoassociationClustering",
    "NMFConsensus",
    "candidates",
    "consensus_stability",
    "cut_with_outliers",
    "linkage",
    "membership_confidence",
    "warm_up",
]
