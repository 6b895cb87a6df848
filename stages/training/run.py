"""What every training by a script has around it: device, processes, lock, progress, warnings."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stages.core.lock import locked
from stages.training.bar import training_bar

if TYPE_CHECKING:
    import torch

    from stages.deep.distributed import Group


@dataclass(frozen=True)
class TrainingRun:
    """Where a training runs, and `show`, which takes what is trained and each new record of it."""

    device: "torch.device"
    group: "Group"
    show: Callable[[str, Any], None]


@contextmanager
def training_run(title: str, lock: Path, device: str, records: int | None) -> Iterator[TrainingRun]:
    """Train within the block: on `device`, with the processes that torchrun started, and with a progress bar.

    `records` is how many of them the bar waits for; None where nobody knows. A second run that wants the `lock` is
    refused, by the name `title`. Only the first process warns of anything.
    """
    from stages.core.device import choose_device
    from stages.deep.distributed import joined_group

    with ExitStack() as stack:
        group, chosen = stack.enter_context(joined_group(choose_device(device)))
        if group.rank == 0:
            stack.enter_context(locked(lock, title))
        show = stack.enter_context(training_bar(title, records))
        if group.rank > 0:
            stack.enter_context(warnings.catch_warnings(action="ignore", category=UserWarning))
        yield TrainingRun(chosen, group, show)
