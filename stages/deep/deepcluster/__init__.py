"""DeepCluster (Caron, Bojanowski, Joulin and Douze, ECCV 2018)."""
