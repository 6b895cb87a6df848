"""Published scores as data, and ours beside them."""

from stages.scoring.published.comparison import Comparison, Measured, Method, compare, parse_method
from stages.scoring.published.records import PublishedScore, published_scores, read_scores

__all__ = [
    "Comparison",
    "Measured",
    "Method",
    "PublishedScore",
    "compare",
    "parse_method",
    "published_scores",
    "read_scores",
]
