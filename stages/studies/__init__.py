"""The published experiments as tables, figures and sentences.

Modules are imported by name: the report, which needs the sections' style, does not wait for those that compute.
"""
