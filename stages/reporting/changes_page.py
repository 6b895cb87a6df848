"""A page about the groups of two runs: which match, and pictures of the images that moved."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from stages.core.counted import counted
from stages.core.templates import template_environment
from stages.reporting.sprites import SHEETS, jpeg_uri, picture_bytes, shrink, stored_images
from stages.tables import ImageTable

SIDE = 96  # longer side of a picture, in pixels
MOST = int(SHEETS / picture_bytes(SIDE))  # pictures on the page; the other images are listed by name

Move = tuple[str, int, int | str, int]  # path, cluster before, the one matched with it now or "", cluster now


def changes_page(
    dataset: str,
    rev: str,
    ari: float,
    groups: Sequence[Sequence[int | str]],
    moved: Sequence[Move],
    images: ImageTable,
) -> str:
    """Return the page as HTML, the same text for the same content.

    `groups` are rows of number and size before, number and size now, and images in both; "-" for no match. `moved`
    are images that are there at both times; those with the same way stand together, the commonest way first.
    """
    rows = {path: row for row, path in enumerate(images.paths)}
    shown = sorted(rows[path] for path, *_ in moved if path in rows)[:MOST]
    pictures = {
        images.paths[row]: jpeg_uri(shrink(image, SIDE), picture_bytes(SIDE))
        for row, image in stored_images(images, shown)
    }
    ways: Mapping[tuple[int, int | str, int], list[str]] = defaultdict(list)
    for path, before, matched, now in moved:
        ways[before, matched, now].append(path)
    environment = template_environment("stages.reporting")
    environment.filters["counted"] = counted
    page = environment.get_template("changes.html").render(
        dataset=dataset,
        rev=rev,
        ari=f"{ari:.3f}",
        groups=groups,
        ways=sorted(ways.items(), key=lambda item: (-len(item[1]), item[0][0], item[0][2])),
        moved=len(moved),
        pictures=pictures,
    )
    return page.replace("\r", "&#13;")  # a browser would read a carriage return in a name as a line feed
