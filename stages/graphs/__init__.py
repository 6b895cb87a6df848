"""The views' neighbour graph, and what it says of partitions without a label: modularity, number of clusters."""

from stages.graphs.cluster_count import ClusterCount, choose_cluster_count
from stages.graphs.modularity import link_agreement, modularity
from stages.graphs.near_duplicates import SIDE, near_duplicates, perceptual_hashes
from stages.graphs.structure import Structure, measure_structure
from stages.graphs.view_graph import view_links

__all__ = [
    "SIDE",
    "ClusterCount",
    "Structure",
    "choose_cluster_count",
    "link_agreement",
    "measure_structure",
    "modularity",
    "near_duplicates",
    "perceptual_hashes",
    "view_links",
]
