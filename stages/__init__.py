"""Manyviews: cluster unlabelled images with many pretrained CNNs at once."""
