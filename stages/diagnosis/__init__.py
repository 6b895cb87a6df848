"""Checks of a machine and of files for what would stop a run; every fault with the way out of it."""

from stages.diagnosis.finding import Check, Finding, Level, examine
from stages.diagnosis.leftovers import check_leftovers, find_leftovers, find_running
from stages.diagnosis.machine import check_devices, check_disk, check_memory, check_packages, check_python
from stages.diagnosis.network import answers, check_remote, check_remotes, without_password
from stages.diagnosis.repository import (
    SlowDvcError,
    check_lock,
    check_outputs,
    check_repository,
    check_status,
    conflict_line,
    dvc,
)

__all__ = [
    "Check",
    "Finding",
    "Level",
    "SlowDvcError",
    "answers",
    "check_devices",
    "check_disk",
    "check_leftovers",
    "check_lock",
    "check_memory",
    "check_outputs",
    "check_packages",
    "check_python",
    "check_remote",
    "check_remotes",
    "check_repository",
    "check_status",
    "conflict_line",
    "dvc",
    "examine",
    "find_leftovers",
    "find_running",
    "without_password",
]
