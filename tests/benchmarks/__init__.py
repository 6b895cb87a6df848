"""Timings side by side: `python -m tests.benchmarks --list`. Nothing here is a test; nothing here runs in CI."""
