"""TURTLE: the labelling of the images that linear classifiers learn best in every view (Gadetsky et al., ICML 2024)."""
