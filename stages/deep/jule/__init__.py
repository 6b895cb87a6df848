"""Joint unsupervised learning of a representation and of clusters (Yang, Parikh and Batra, CVPR 2016)."""
