"""How fine the partitions are that a consensus is made of."""

LEAST_IMAGES = 5  # of a fine cluster, on average: smaller ones tell chance from likeness no more


def finer(n_clusters: int, multiple: int, n_images: int) -> int:
    """Return `multiple` times `n_clusters`, less where clusters would fall below `LEAST_IMAGES` on average.

    It is never less than `n_clusters`.
    """
    return max(n_clusters, min(n_clusters * multiple, n_images // LEAST_IMAGES))
