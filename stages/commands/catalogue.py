"""Keeps docs/backbones.md and docs/image-sets.md in step with the registry and with data/raw.

Run it after changing one of these; a test fails until you do.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple
from urllib.parse import quote, urlsplit

import typer

from stages.backbones.card import EmptySource, HubSource, Source, UrlSource, WheelSource
from stages.core.atomic import write_text
from stages.core.command import application
from stages.core.errors import ParameterError
from stages.datasets.archive import ArchiveSet
from stages.datasets.arrays import Arrays
from stages.datasets.keys import About
from stages.datasets.local import SOURCE, Local
from stages.datasets.package import Package
from stages.datasets.sklearn_sets import SklearnSet
from stages.datasets.source import Reader, read_about, read_source
from stages.datasets.torchvision_sets import TorchvisionSet
from stages.datasets.voc import Voc2007
from stages.registry import CATALOGUE
from stages.registry.entries import Registered

DOCS, DATA = Path("docs"), Path("data")
BACKBONES, IMAGE_SETS = "backbones", "image-sets"  # the pages, and what their markers are called


class ImageSet(NamedTuple):
    """An image set that a source.yaml describes; `name` is that of its folder."""

    name: str
    source: Reader
    about: About


def catalogue(
    docs: Annotated[Path, typer.Option(help="Folder of the two pages.", metavar="DIR")] = DOCS,
    data: Annotated[Path, typer.Option(help="Folder of all data, with raw/ in it.", metavar="DIR")] = DATA,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; fail when a page is out of date.")
    ] = False,
) -> None:
    """Bring the tables in DOCS/backbones.md and DOCS/image-sets.md up to date.

    They are generated from the registry of backbones and from DATA/raw/*/source.yaml, and stand between the lines
    `<!-- begin backbones -->` and `<!-- end backbones -->`, or `<!-- begin image-sets -->` and
    `<!-- end image-sets -->`. The rest of each page stays as it is.
    """
    backbones, image_sets = list(CATALOGUE.values()), find_image_sets(data / "raw")
    pages = [
        _Page(docs / f"{BACKBONES}.md", BACKBONES, backbone_table(backbones), f"{len(backbones)} backbones"),
        _Page(docs / f"{IMAGE_SETS}.md", IMAGE_SETS, image_set_table(image_sets), f"{len(image_sets)} image sets"),
    ]
    texts = [_read(page.file) for page in pages]
    renewed = [renew(text, page.name, page.table, str(page.file)) for page, text in zip(pages, texts, strict=True)]
    for page, text, new in zip(pages, texts, renewed, strict=True):
        if new == text:
            print(f"{page.file} is up to date: {page.summary}")
        elif check:
            raise ParameterError(f"{page.file} is out of date; run `{_command(docs, data)}`")
        else:
            write_text(page.file, new)
            print(f"{page.file}: {page.summary}")


class _Page(NamedTuple):
    """A page with a generated table between the markers called `name`."""

    file: Path
    name: str
    table: str
    summary: str


def _read(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ParameterError(f"{page} is not text in UTF-8 ({error}); replace it by a Markdown file") from None


def find_image_sets(raw: Path) -> list[ImageSet]:
    """Read the descriptions raw/*/source.yaml, sorted by name. Raises `DatasetError` for one that is not sound."""
    files = sorted(raw.glob(f"[!.]*/{SOURCE}"))
    return [ImageSet(file.parent.name, read_source(file), read_about(file)) for file in files]


def renew(text: str, name: str, table: str, where: str) -> str:
    """Return `text` with `table` between the two markers called `name`.

    Raises `ParameterError` when a marker is missing or appears twice; `where` begins its message.
    """
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    for marker in (begin, end):
        if (count := text.count(marker)) != 1:
            raise ParameterError(
                f"{where} has {f'{count} times' if count else 'no'} {marker!r}; "
                f"write it once, with {begin!r} above {end!r}"
            )
    before, _, rest = text.partition(begin)
    if end not in rest:
        raise ParameterError(f"{where} has {end!r} above {begin!r}; exchange them")
    return f"{before}{begin}\n\n{table}\n\n{end}{rest.partition(end)[2]}"


def backbone_table(backbones: Iterable[Registered]) -> str:
    """One line a backbone, in Markdown: its layers with their sizes, input, origin and licence."""
    header = [
        ("backbone", ":--"),
        ("layers", ":--"),
        ("input", "--:"),
        ("weights from", ":--"),
        ("licence", ":--"),
    ]
    rows = []
    for entry in backbones:
        layers = " · ".join(f"{layer} {size:,}" for layer, size in entry.dimensions.items())
        # Where the file is, unless `origin` says so already.
        sources = [place for name, place in map(_place, entry.card.weights.sources) if name not in entry.origin]
        origin = "; ".join([_escaped(entry.origin), *sources])
        side = str(entry.card.preprocessing.crop)
        rows.append([_code(entry.card.name), layers, side, origin, _escaped(entry.licence)])
    return _table(header, rows)


def image_set_table(image_sets: Sequence[ImageSet]) -> str:
    """One line an image set, in Markdown, then notes on some of them."""
    header = [
        ("image set", ":--"),
        ("what it is", ":--"),
        ("images", "--:"),
        ("classes", "--:"),
        ("from", ":--"),
        ("licence", ":--"),
    ]
    rows = [
        [
            _code(name),
            _link(about.title or name, about.homepage),
            f"{about.images:,}" if about.images else "?",
            f"{about.classes:,}" if about.classes else "?",
            _where(source),
            _escaped(about.licence) or "?",
        ]
        for name, source, about in image_sets
    ]
    notes = [f"- {_code(name)}: {_escaped(about.note)}." for name, _, about in image_sets if about.note]
    return "\n".join([_table(header, rows), *([""] if notes else []), *notes])


def _where(source: Reader) -> str:
    """Where a reader gets its images from."""
    match source:
        case ArchiveSet():
            hosts = [urlsplit(mirror).hostname or mirror for mirror in source.mirrors]
            return ", ".join(_code(host) for host in dict.fromkeys(hosts))
        case Package():
            return f"package {_code(source.requirement)}"
        case Local() | Arrays():
            return f"your copy: {_code(source.path)}"
        case SklearnSet():
            return "scikit-learn" + (" brings it along" if source.name == "digits" else "")
        case TorchvisionSet() | Voc2007():
            return "torchvision"
    raise TypeError(f"say here where {type(source).__name__} gets its images from")


def _place(source: Source) -> tuple[str, str]:
    """The name of a source of a weight file, unique among those of its kind, and where it is, in Markdown."""
    match source:
        case WheelSource():
            name = source.requirement.partition("==")[0]
            return name, f"package {_escaped(name)}"
        case HubSource():
            return source.repository, f"hub {_escaped(source.repository)}"
        case UrlSource():
            name = urlsplit(source.url).hostname or source.url
            return name, _link(name, source.url)
        case EmptySource():
            return "no weights", "no weights"


def _table(header: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells in Markdown; `header` holds the columns' titles and alignments."""
    lines = [[title for title, _ in header], [alignment for _, alignment in header], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _escaped(text: str) -> str:
    """`text` on one line, without what Markdown takes for a cell's border, markup or HTML."""
    return re.sub(r"[\\|<\[\]`*~]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", " ".join(text.split()))


def _code(text: str) -> str:
    """`text` as code, where only a cell's border needs escaping; plain where it holds a backtick."""
    return _escaped(text) if "`" in text else f"`{text.replace('|', chr(92) + '|')}`"


def _link(text: str, address: str) -> str:
    """`text` as a link, if there is an address."""
    return f"[{_escaped(text)}]({quote(address, safe=':/?#@!$&+,;=%~')})" if address else _escaped(text)


def _command(docs: Path, data: Path) -> str:
    """The command that brings the pages up to date."""
    options = [("--docs", docs, DOCS), ("--data", data, DATA)]
    given = [f" {option} {shlex.quote(str(value))}" for option, value, default in options if value != default]
    return f"manyviews catalogue{''.join(given)}"


app = application(catalogue)
