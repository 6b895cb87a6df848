"""The views' neighbour graph, and what it says of partitions without a label: modularity, number of clusters."""

from stages.graphs.cluster_count import ClusterCount, choose_cluster_count
from stages.graphs.modularity import link_agreement, modularity
from stages.graphs.structure import Structure, measure_structure
from stages.graphs.view_graph import view_links

__all__ = [
    "ClusterCount",
    "Structure",
    "choose_cluster_count",
    "link_agreement",
    "measure_structure",
    "modularity",
    "view_links",
]
