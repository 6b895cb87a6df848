"""From many partitions of the same images to one: consensus by co-association."""

from stages.consensus.coassociation import LINKAGES, CoassociationClustering, coassociation, membership_confidence

__all__ = ["LINKAGES", "CoassociationClustering", "coassociation", "membership_confidence"]
