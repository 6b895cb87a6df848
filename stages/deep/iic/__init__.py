"""Invariant information clustering (Ji, Henriques and Vedaldi, ICCV 2019)."""
