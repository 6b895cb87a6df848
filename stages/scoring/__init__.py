"""How good and how alike partitions are."""
