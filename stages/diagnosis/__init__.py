"""Checks of a machine and of files for what would stop a run; every fault with the way out of it."""
