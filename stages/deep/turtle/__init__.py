"""TURTLE (Gadetsky et al., ICML 2024): the labels of the images that linear classifiers predict best in every view."""
