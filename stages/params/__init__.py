"""params.yaml: how a stage takes its section of it, and what its values mean."""
