"""The views' neighbour graph, and what it says of partitions without a label: modularity, number of clusters."""

from stages.graphs.cluster_count import ClusterCount, choose_cluster_count
from stages.graphs.modularity import modularity
from stages.graphs.structureless import structureless_modularity
from stages.graphs.view_graph import view_links

__all__ = [
    "ClusterCount",
    "choose_cluster_count",
    "modularity",
    "structureless_modularity",
    "view_links",
]
