"""Checks of a machine and of files for what would stop a run; every fault with the way out of it."""

from stages.diagnosis.finding import Check, Finding, Level, examine
from stages.diagnosis.leftovers import conflict_line, find_leftovers, find_running
from stages.diagnosis.machine import check_devices, check_disk, check_memory
from stages.diagnosis.network import answers, check_remote, without_password
from stages.diagnosis.packages import check_packages, check_python

__all__ = [
    "Check",
    "Finding",
    "Level",
    "answers",
    "check_devices",
    "check_disk",
    "check_memory",
    "check_packages",
    "check_python",
    "check_remote",
    "conflict_line",
    "examine",
    "find_leftovers",
    "find_running",
    "without_password",
]
