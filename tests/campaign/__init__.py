"""Kills, full disks, damaged files and bad values, drawn by a seed, at a scale that no test has time for."""
