"""TURTLE (Gadetsky et al., ICML 2024): the labels that linear classifiers predict best in every view."""
