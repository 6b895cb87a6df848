"""The top of the ensemble's dendrogram as the few shapes an inline SVG needs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from stages.core.dendrogram import Merge
from stages.reporting.axes import Box, Scale, Tick
from stages.tables.textfiles import rows_of, understanding

PITCH = 16  # SVG units between two leaves, at least: room for the number of images
DIGIT = 7.5  # SVG units that a digit of a cluster's number takes
LEAST = Box(
    width=788, height=360, left=56, right=708, top=12, bottom=262
)  # the drawing of few leaves; right of it the number of groups is written


@dataclass(frozen=True)
class Link:
    """A merge: its path, the cluster that all its images are in, if any, how many they are, and its height."""

    path: str
    cluster: int | None
    images: int
    height: float


@dataclass(frozen=True)
class Leaf:
    """A group that the drawing does not look into: where it stands and how many images it has."""

    x: float
    images: int


@dataclass(frozen=True)
class Span:
    """Neighbouring leaves of one cluster, or (None) of several clusters each: from where to where."""

    start: float
    stop: float
    cluster: int | None
    images: int


@dataclass(frozen=True)
class Tree:
    """A drawing of the last merges, in SVG units.

    `cut` is where the cut is, None if it is below what is drawn; it makes `groups` groups.
    """

    box: Box
    links: tuple[Link, ...]
    leaves: tuple[Leaf, ...]
    spans: tuple[Span, ...]
    ticks: tuple[Tick, ...]
    cut: float | None
    cut_height: float | None
    groups: int
    images: int

    @property
    def crowded(self) -> bool:
        """Whether a cluster's number is wider than its bar, so that numbers must stand upright."""
        return any(span.stop - span.start < DIGIT * len(str(span.cluster)) for span in self.spans)


def read_merges(file: Path) -> list[Merge]:
    """Read the last merges of a dendrogram, in their order; an empty cluster is "several"."""
    names = ("parent", "left", "right", "height", "images", "left_images", "right_images")
    merges = []
    for row in rows_of(file, *names, "left_cluster", "right_cluster", "undone"):
        with understanding(file):
            parent, left, right, images, left_images, right_images, undone = (
                int(row[place]) for place in (0, 1, 2, 4, 5, 6, 9)
            )
            first, second = (int(value) if value else None for value in row[7:9])
            sizes = (images, left_images, right_images)
            merges.append(Merge(parent, left, right, float(row[3]), *sizes, first, second, bool(undone)))
    return merges


def tree(merges: Sequence[Merge]) -> Tree | None:
    """Draw the last merges of a dendrogram, the last one at the top; None where there is none.

    A leaf stands at height 0, whatever merges are within it; leaves keep the order of the merges' sides: no two
    links cross.
    """
    if not merges:
        return None
    made = {merge.parent: merge for merge in merges}
    leaves = _leaves(merges[-1].parent, made)
    pitch = max(PITCH, (LEAST.right - LEAST.left) / len(leaves))
    right = round(LEAST.left + pitch * len(leaves), 1)
    box = replace(LEAST, right=right, width=round(right + LEAST.width - LEAST.right, 1))
    highest = max(merge.height for merge in merges)  # at most 1: the axis ends at the next tenth
    scale = Scale(0.0, max(0.1, float(np.ceil(highest * 10 - 1e-9) / 10)), box.bottom, box.top)
    x = {node: box.left + pitch * (place + 0.5) for place, (node, _, _) in enumerate(leaves)}
    y = dict.fromkeys(x, box.bottom)
    links, cluster_of = [], {node: cluster for node, _, cluster in leaves}
    for merge in merges:
        height = float(scale.place(np.array(merge.height)))
        a, b = merge.left, merge.right
        path = f"M{x[a]:.1f} {y[a]:.1f}V{height:.1f}H{x[b]:.1f}V{y[b]:.1f}"
        cluster = cluster_of[a] if cluster_of[a] == cluster_of[b] else None
        links.append(Link(path, cluster, merge.images, merge.height))
        x[merge.parent], y[merge.parent] = (x[a] + x[b]) / 2, height
        cluster_of[merge.parent] = cluster
    cut = _cut(merges, [size for _, size, _ in leaves], scale.high)
    return Tree(
        box=box,
        links=tuple(links),
        leaves=tuple(Leaf(round(x[node], 1), size) for node, size, _ in leaves),
        spans=_spans(leaves, pitch),
        ticks=scale.ticks(6),
        cut=None if cut is None else round(float(scale.place(np.array(cut))), 1),
        cut_height=cut,
        groups=1 + sum(merge.undone for merge in merges),
        images=merges[-1].images,
    )


def _leaves(root: int, made: dict[int, Merge]) -> list[tuple[int, int, int | None]]:
    """The groups that no merge shown made, from left to right: node, images, cluster."""
    leaves: list[tuple[int, int, int | None]] = []
    pending: list[tuple[int, int, int | None]] = [(root, 0, None)]
    while pending:
        node, images, cluster = pending.pop()
        if merge := made.get(node):
            pending.append((merge.right, merge.right_images, merge.right_cluster))
            pending.append((merge.left, merge.left_images, merge.left_cluster))
        else:
            leaves.append((node, images, cluster))
    return leaves


def _spans(leaves: Sequence[tuple[int, int, int | None]], pitch: float) -> tuple[Span, ...]:
    spans, place = [], 0
    for cluster, group in groupby(leaves, key=lambda leaf: leaf[2]):
        members = list(group)
        start, place = place, place + len(members)
        images = sum(size for _, size, _ in members)
        ends = (round(LEAST.left + pitch * start + 1, 1), round(LEAST.left + pitch * place - 1, 1))
        spans.append(Span(*ends, cluster, images))
    return tuple(spans)


def _cut(merges: Sequence[Merge], sizes: Sequence[int], top: float) -> float | None:
    """The height half way from the highest merge kept to the lowest undone; None if the former is not drawn."""
    kept = [merge.height for merge in merges if not merge.undone]
    undone = [merge.height for merge in merges if merge.undone]
    if not kept and max(sizes) > 1:
        return None
    return (max(kept, default=0.0) + min(undone, default=top)) / 2
