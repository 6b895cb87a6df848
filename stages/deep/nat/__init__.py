"""Noise as targets (Bojanowski and Joulin, ICML 2017)."""
