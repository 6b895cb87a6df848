"""How many images an export holds, in words."""

import numpy as np


def sum_up(labels: np.ndarray, rows: np.ndarray, method: str) -> str:
    """Tell how many of the images in clusters by `labels`, int (n), -1 for none, are among the `rows`, int (m)."""
    chosen = labels[rows]
    inside = chosen[chosen >= 0]
    parts = [f"{counted(len(inside), 'image')} in {counted(len(np.unique(inside)), 'cluster')} of {method}"]
    if outside := len(chosen) - len(inside):
        parts.append(f"{outside} in none")
    if left_out := len(labels) - len(rows):
        parts.append(f"{left_out} left out")
    return ", ".join(parts)


def counted(number: int, noun: str) -> str:
    """A number of things: "1 image", "2 images"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
