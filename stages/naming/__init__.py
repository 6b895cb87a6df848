"""Names for clusters: by the labels of their images, or by what pretrained networks see in them."""

from stages.naming.names import name_clusters
from stages.naming.words import cluster_words

__all__ = ["cluster_words", "name_clusters"]
