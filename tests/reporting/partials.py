"""Sections of the page, filled by themselves."""

from types import SimpleNamespace
from xml.etree import ElementTree

from stages.core.templates import template_environment
from stages.reporting.counts import HEIGHT, WIDTH


def fill(section: str, **dataset: object) -> str:
    """The HTML of one section for a dataset of 12 images in 3 clusters, "d", all of them labelled."""
    environment = template_environment("stages.reporting")
    environment.filters.update(
        count=str, fraction="{:.2f}".format, plural=lambda number, noun: f"{number} {noun}{'s' * (number != 1)}"
    )
    result = SimpleNamespace(corrections=None)
    content = {"name": "d", "images": 12, "labelled": 12, "k": 3, "result": result} | dataset
    return environment.get_template(f"sections/{section}.html").render(
        dataset=SimpleNamespace(**content), place="d1", CURVE=(WIDTH, HEIGHT)
    )


def drawings(html: str) -> list[ElementTree.Element]:
    """The SVG elements of a section, parsed: each must be well-formed."""
    parts = html.split("<svg")[1:]
    return [ElementTree.fromstring("<svg" + part.partition("</svg>")[0] + "</svg>") for part in parts]
