"""Clusters laid out as other programs take them: folders of images, CSV, JSON, COCO."""
