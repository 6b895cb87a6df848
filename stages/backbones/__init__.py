"""Pretrained networks as views: what is known about each, its weights, its layers, and the extractor loop.

Nothing is re-exported here: the `extract` stage imports the modules it runs and not the registry, so that a
changed entry of the registry makes the `weights` stage run again, and only that backbone's features with it.
"""
