"""Networks over all the views, trained to cluster: estimators whose `fit` takes a list of views."""

from stages.deep.centers import overclusterings
from stages.deep.dec import DEC
from stages.deep.dmvc import DMVC, DMVCFix
from stages.deep.idec import IDEC
from stages.deep.jule import JULE
from stages.deep.models import read_model, write_model
from stages.deep.views import check_views

__all__ = ["DEC", "DMVC", "IDEC", "JULE", "DMVCFix", "check_views", "overclusterings", "read_model", "write_model"]
