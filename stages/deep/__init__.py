"""Networks over all the views, trained to cluster: estimators whose `fit` takes a list of views."""

from stages.deep.dec.estimators import DEC, IDEC
from stages.deep.dec.first_clusters import overclusterings
from stages.deep.jule.dmvc import DMVC, DMVCFix
from stages.deep.jule.on_features import JULE
from stages.deep.models import read_model, write_model
from stages.deep.temi.estimators import TEMI
from stages.deep.turtle.estimators import TURTLE
from stages.deep.view_encoding import check_views

__all__ = [
    "DEC",
    "DMVC",
    "IDEC",
    "JULE",
    "TEMI",
    "TURTLE",
    "DMVCFix",
    "check_views",
    "overclusterings",
    "read_model",
    "write_model",
]
