"""Per-class scores, and which classes share clusters, where there are labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stages.tables.methods import parse_scored
from stages.tables.textfiles import damaged, rows_of, understanding

CELL = 22  # side of a cell of the map, in SVG units, where counts are written into it ...
NUMBERED = 30  # ... which is up to so many classes or clusters; beyond, cells are SMALL
SMALL = 9
NAMED = 26  # letters of a name beside the map, at most
SHADES = 10  # of colour, that the eye distinguishes
DRAWN = 250  # classes or clusters of a map, at most: more could not be distinguished
PAIRED = 60  # with more classes than this, the most confused pairs are listed besides
PAIRS = 20  # of them
LISTED = 300  # classes in the table, at most: the worst


@dataclass(frozen=True)
class ClassScore:
    """One class by one method: its images, the cluster that stands for it (None: none does), scores 0 to 1."""

    name: str
    images: int
    cluster: int | None
    cluster_images: int
    precision: float
    recall: float
    f1: float
    fowlkes_mallows: float


@dataclass(frozen=True)
class Cell:
    """The images of a class in a cluster, by the place of the class and of the cluster in the map.

    `share` is that of the class, above 0 to 1.
    """

    row: int
    column: int
    images: int
    share: float


@dataclass(frozen=True)
class Shade:
    """All cells of like shares, up to `share`, as one SVG path: hundreds of shapes of their own would be slow."""

    share: float
    path: str


@dataclass(frozen=True)
class Pair:
    """Images of a class in the cluster that stands for another."""

    name: str
    other: str
    images: int
    share: float


@dataclass(frozen=True)
class ClassReport:
    """One method, class by class: `scores` with the worst first, and the map of classes and clusters.

    `rows` and `columns` name the map's classes and clusters, a cluster that stands for a class by the class;
    `cells` hold images; `side` is that of a cell in SVG units. `pairs` are the most confused ones, where there are
    many classes. All is on `images` images with a label in `clusters` clusters.
    """

    method: str
    images: int
    clusters: int
    scores: tuple[ClassScore, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[Cell, ...]
    side: int
    pairs: tuple[Pair, ...]

    @property
    def listed(self) -> tuple[ClassScore, ...]:
        """The classes of the table: the worst."""
        return self.scores[:LISTED]

    def short(self, name: str) -> str:
        """A name as it is written beside the map."""
        return name if len(name) <= NAMED else name[: NAMED - 1] + "\N{HORIZONTAL ELLIPSIS}"

    @property
    def room(self) -> int:
        """The room for the names beside the map, in SVG units."""
        longest = max(len(self.short(name)) for name in (*self.rows, *self.columns))
        return 14 + round(longest * (6.8 if self.numbered else 5))

    @property
    def shades(self) -> tuple[Shade, ...]:
        """The cells as a few paths, the palest first."""
        groups: dict[int, list[str]] = {}
        for cell in self.cells:
            square = f"M{cell.column * self.side} {cell.row * self.side}h{self.side}v{self.side}h-{self.side}z"
            groups.setdefault(math.ceil(cell.share * SHADES), []).append(square)
        return tuple(Shade(level / SHADES, "".join(groups[level])) for level in sorted(groups))

    @property
    def drawn(self) -> bool:
        """Whether the map is small enough to be drawn."""
        return max(len(self.rows), len(self.columns)) <= DRAWN

    @property
    def numbered(self) -> bool:
        """Whether counts are written into the cells."""
        return self.side == CELL


def read_classes(scores: Path, cells: Path) -> list[ClassReport]:
    """Read classes.csv and confusion.csv: a report for each method, in the file's order; [] without labels."""
    on, by_method = {}, dict[str, list[ClassScore]]()
    names = ("class", "images", "cluster", "cluster_images", "precision", "recall", "f1", "fowlkes_mallows")
    with understanding(scores):
        for method, *row, images, clusters in rows_of(scores, "method", *names, "labelled_images", "n_clusters"):
            on[method] = (int(images), int(clusters))
            own = (int(row[2]), int(row[3])) if row[2] else (None, 0)
            by_method.setdefault(method, []).append(ClassScore(row[0], int(row[1]), *own, *map(float, row[4:])))
    maps = _read_cells(cells)
    if maps.keys() != by_method.keys():
        raise damaged(cells, f"it has other methods than {scores.name}")
    return [_report(method, *on[method], by_method[method], maps[method]) for method in by_method]


_Counts = Mapping[tuple[str, int, str], tuple[int, float]]  # (class, cluster's place and name): images, share


def _read_cells(file: Path) -> dict[str, dict[tuple[str, int, str], tuple[int, float]]]:
    maps: dict[str, dict[tuple[str, int, str], tuple[int, float]]] = {}
    names = ("method", "class", "cluster_place", "cluster_name", "images", "share_of_class")
    with understanding(file):
        for method, name, place, title, images, share in rows_of(file, *names):
            maps.setdefault(method, {})[name, int(place), title] = (int(images), float(share))
    return maps


def _report(method: str, images: int, clusters: int, scores: Sequence[ClassScore], counts: _Counts) -> ClassReport:
    rows = {score.name: place for place, score in enumerate(scores)}
    # Places have gaps where no cluster stands for a class.
    order = sorted({(place, title) for _, place, title in counts})
    columns = {place: column for column, (place, _) in enumerate(order)}
    cells = tuple(
        Cell(rows[name], columns[place], number, share) for (name, place, _), (number, share) in counts.items()
    )
    others = [
        Pair(name, title, number, share)
        for (name, place, title), (number, share) in counts.items()
        if title != name and place < len(rows)
    ]
    others.sort(key=lambda pair: (-pair.images, -pair.share))
    wide = max(len(rows), len(columns)) > NUMBERED
    return ClassReport(
        method=str(parse_scored(method) or method),
        images=images,
        clusters=clusters,
        scores=tuple(sorted(scores, key=lambda score: (score.f1, score.fowlkes_mallows))),
        rows=tuple(rows),
        columns=tuple(title for _, title in order),
        cells=cells,
        side=SMALL if wide else CELL,
        pairs=tuple(others[:PAIRS]) if len(rows) > PAIRED else (),
    )
