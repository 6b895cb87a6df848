"""The maps as one PNG, for slides and README files, where a page cannot go."""

import io
from collections.abc import Sequence

import numpy as np

PANEL = 2.6  # inches
DPI = 110


def maps_picture(title: str, panels: Sequence[tuple[str, np.ndarray]], clusters: np.ndarray) -> bytes:
    """Draw points (n, 2) of every panel side by side, coloured by int clusters (n); return a PNG.

    t-SNE's axes carry no unit, so none are drawn. The same points give the same bytes.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Ten colours that differ, then as many hues as are needed.
    count = int(clusters.max()) + 1
    palette = colormaps["tab10"](np.arange(10)) if count <= 10 else colormaps["hsv"](np.linspace(0, 1, count + 1))
    figure = Figure(figsize=(PANEL * len(panels), PANEL + 0.7), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    size = float(np.clip(2500 / len(clusters), 2, 14))
    for place, (name, points) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), place + 1)
        axes.scatter(
            points[:, 0], points[:, 1], c=[palette[cluster] for cluster in clusters], s=size, linewidths=0
        )
        axes.set_title(name, fontsize=9, parse_math=False)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.set_aspect("equal", adjustable="datalim")
    figure.suptitle(title, fontsize=10, parse_math=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()
