"""Rotations that a network recognises, and K-means on its features (Gidaris, Singh and Komodakis, ICLR 2018)."""
