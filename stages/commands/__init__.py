"""Commands that people type, beside the stages of the pipeline."""
