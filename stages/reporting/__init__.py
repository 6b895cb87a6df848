"""The report: what was run, how good it is and what the clusters look like, on one self-contained page."""
