"""From many partitions of the same images to one: consensus by co-association, and others to compare with."""

from stages.consensus.coassociation import CoassociationClustering, ConsensusCuts, membership_confidence
from stages.consensus.cspa import CSPA
from stages.consensus.hbgf import HBGF
from stages.consensus.linkage import LINKAGES, linkage, warm_up
from stages.consensus.mcla import MCLA
from stages.consensus.nmf import NMFConsensus
from stages.consensus.weighting import weigh_by_quality

__all__ = [
    "CSPA",
    "HBGF",
    "LINKAGES",
    "MCLA",
    "CoassociationClustering",
    "ConsensusCuts",
    "NMFConsensus",
    "linkage",
    "membership_confidence",
    "warm_up",
    "weigh_by_quality",
]
