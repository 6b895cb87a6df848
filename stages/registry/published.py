"""The ten networks of Guerin et al. (Neurocomputing 2021), five of them with the three layers of its Table 2.

The authors used Keras; the same tensors are taken here from torchvision and timm. Sizes are those of the table,
which hold at the input sizes given here: ResNet50 takes 224 pixels. Keras flattens rows, columns, channels, and
PyTorch channels, rows, columns; distances between feature vectors are the same.
The weights are not the authors': Keras' VGG and ResNet50 were converted from Caffe, torchvision trained its own.
"""

from stages.backbones.card import Preprocessing, Tap, UrlSource, Weights
from stages.registry.entries import (
    HALF,
    Registered,
    hub_weights,
    last_layer,
    timm_entry,
    torchvision_entry,
)


def _vgg(name: str, file: str, sha256: str) -> Registered:
    """VGG: block5_pool, fc1, fc2. The fully connected layers are taken after their ReLU, as in Keras."""
    layers = {
        "L1": (Tap("features", "output"), 25_088),
        "L2": (Tap("classifier.1", "output"), 4096),
        "L3": (Tap("classifier.4", "output"), 4096),
    }
    return torchvision_entry(name, file, sha256, layers)


def _densenet(name: str, file: str, sha256: str, size: int) -> Registered:
    """DenseNet: avg_pool, which follows the last batch normalisation and ReLU and enters the classifier."""
    return torchvision_entry(name, file, sha256, {"L3": (Tap("classifier", "input"), size)})


PUBLISHED = (
    _vgg(
        "vgg16",
        "vgg16-397923af.pth",
        "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
    _vgg(
        "vgg19",
        "vgg19-dcbb9e9d.pth",
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    ),
    torchvision_entry(
        "inception_v3",
        "inception_v3_google-0cc3c7bd.pth",
        "0cc3c7bd75056d25e46cba549dc184522069b81e9787eff6df84f397bd52a5ef",
        {
            "L1": (Tap("Mixed_6e", "output"), 221_952),  # mixed7
            "L2": (Tap("Mixed_7c", "output"), 131_072),  # mixed10
            "L3": (Tap("avgpool", "output"), 2048),
        },
        resize=342,
        crop=299,
    ),
    timm_entry(
        "xception",
        "legacy_xception.tf_in1k",
        Weights(
            "xception-43020ad28.pth",
            "43020ad28",
            (
                UrlSource(
                    "https://github.com/rwightman/pytorch-image-models/releases/download/"
                    "v0.1-cadene/xception-43020ad28.pth"
                ),
            ),
        ),
        {
            "L1": (Tap("block12", "output"), 102_400),  # add_11, the twelfth sum
            "L2": (Tap("act4", "output"), 204_800),  # block14_sepconv2_act
            "L3": (Tap("global_pool", "output"), 2048),
        },
        Preprocessing(333, 299, interpolation="bicubic", **HALF),
        origin="Keras, ported by R. Cadene; timm release file",
    ),
    torchvision_entry(
        "resnet50",
        "resnet50-0676ba61.pth",
        "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a",
        {
            "L1": (Tap("layer3", "output"), 200_704),  # conv4_block6_out, once activation_40
            # conv5_block3_1_relu, once activation_47. The module layer4.2.relu is called three times in a pass;
            # what it gives the first time is what enters conv2.
            "L2": (Tap("layer4.2.conv2", "input"), 25_088),
            "L3": (Tap("avgpool", "output"), 2048),
        },
    ),
    _densenet(
        "densenet121",
        "densenet121-a639ec97.pth",
        "a639ec97d7c33b07ae66f0b5fb7d0192f95a3b11b7576c66c0126c2a727c4395",
        1024,
    ),
    _densenet("densenet169", "densenet169-b2777c0a.pth", "b2777c0a", 1664),
    _densenet("densenet201", "densenet201-c1103571.pth", "c1103571", 1920),
    timm_entry(
        "inception_resnet_v2",
        "inception_resnet_v2.tf_in1k",
        hub_weights("timm/inception_resnet_v2.tf_in1k"),
        last_layer(1536),
        Preprocessing(333, 299, interpolation="bicubic", **HALF),
        origin="TensorFlow, ported; hub timm/inception_resnet_v2.tf_in1k",
    ),
    timm_entry(
        "nasnetalarge",
        "nasnetalarge.tf_in1k",
        hub_weights("timm/nasnetalarge.tf_in1k"),
        last_layer(4032),
        Preprocessing(363, 331, interpolation="bicubic", **HALF),
        origin="TensorFlow, ported; hub timm/nasnetalarge.tf_in1k",
    ),
)
