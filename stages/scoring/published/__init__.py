"""What others published, as data, and ours beside it."""

from stages.scoring.published.comparison import Comparison, Method, compare, parse_method
from stages.scoring.published.records import PublishedScore, published_scores, read_scores

__all__ = ["Comparison", "Method", "PublishedScore", "compare", "parse_method", "published_scores", "read_scores"]
