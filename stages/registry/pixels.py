"""The image itself as a view: a small copy of it, and no network."""

from stages.backbones.card import Backbone, EmptySource, Preprocessing, Tap, Weights
from stages.registry.entry import Registered

_SIDE = 32
_LAYERS = ("L1", "L2", "L3")  # all the same, so that it can stand beside networks whatever layers are asked for

PIXELS = (
    Registered(
        Backbone(
            name="pixels",
            library="manyviews",
            architecture="identity",
            weights=Weights(
                "empty-9bbcbf73.safetensors",
                "9bbcbf73561f6bc5d0a17ea6a2081feed2d1304e87602d8c502d9a5c4bd85576",
                (EmptySource(),),
            ),
            layers=dict.fromkeys(_LAYERS, Tap("", "output")),
            preprocessing=Preprocessing(_SIDE, _SIDE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), mode="squash"),
        ),
        dict.fromkeys(_LAYERS, 3 * _SIDE**2),
        licence="none needed",
        origin="the image itself, no weights",
    ),
)
