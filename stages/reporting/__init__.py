"""The report: what was run, how good it is and what the clusters look like, on one self-contained page.

Here is what other packages use, the maps; the stage `report` imports the parts of the page by module.
"""

from stages.reporting.maps import maps_picture
from stages.reporting.projection import project_each

__all__ = ["maps_picture", "project_each"]
