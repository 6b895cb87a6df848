"""The published experiments as tables, figures and sentences.

Modules that compute (view_classes, view_counts, panels, published_scores) are imported by name: the report, which
needs the sections' style, does not depend on clusterers.
"""

from stages.studies.bars import Bar, bar_chart
from stages.studies.layers import layer_section, layer_study
from stages.studies.sections import Study, render_figure, render_section, styles

__all__ = [
    "Bar",
    "Study",
    "bar_chart",
    "layer_section",
    "layer_study",
    "render_figure",
    "render_section",
    "styles",
]
