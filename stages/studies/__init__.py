"""The published experiments as tables, figures and sentences."""

from stages.studies.bars import Bar, BarChart, bar_chart
from stages.studies.layers import LayerStudy, layer_study
from stages.studies.sections import (
    ComplementaritySection,
    LayerSection,
    PanelsSection,
    PublishedRow,
    PublishedSection,
    SubsetsSection,
    render_figure,
    render_section,
    span,
    styles,
)

__all__ = [
    "Bar",
    "BarChart",
    "ComplementaritySection",
    "LayerSection",
    "LayerStudy",
    "PanelsSection",
    "PublishedRow",
    "PublishedSection",
    "SubsetsSection",
    "bar_chart",
    "layer_study",
    "render_figure",
    "render_section",
    "span",
    "styles",
]
