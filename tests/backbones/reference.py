"""Forward passes of the published networks, written out from their papers, to compare ours with."""

import torch
import torch.nn.functional as F  # noqa: N812 - as everybody calls it

VGG = {
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}


def vgg(name, tensors, x):
    """L1, L2, L3, the scores of classes, and the first fully connected layer before its ReLU."""
    index = 0
    for convolutions in VGG[name]:
        for _ in range(convolutions):
            weight, bias = tensors[f"features.{index}.weight"], tensors[f"features.{index}.bias"]
            x = F.relu(F.conv2d(x, weight, bias, padding=1))
            index += 2  # a convolution and a ReLU
        x = F.max_pool2d(x, 2)
        index += 1
    pool = x.flatten(1)
    before = F.linear(pool, tensors["classifier.0.weight"], tensors["classifier.0.bias"])
    first = F.relu(before)
    second = F.relu(F.linear(first, tensors["classifier.3.weight"], tensors["classifier.3.bias"]))
    scores = F.linear(second, tensors["classifier.6.weight"], tensors["classifier.6.bias"])
    return {"L1": pool, "L2": first, "L3": second, "classes": scores, "before": before}


def resnet50(tensors, x):
    """L1, L2, L3, the scores of classes, and the tensor that L2 is the ReLU of."""

    def normalised(x, convolution, norm, stride=1, padding=0):
        x = F.conv2d(x, tensors[f"{convolution}.weight"], stride=stride, padding=padding)
        values = (tensors[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *values)

    x = F.max_pool2d(F.relu(normalised(x, "conv1", "bn1", 2, 3)), 3, 2, 1)
    layers = {}
    for stage, blocks in enumerate((3, 4, 6, 3), start=1):
        for block in range(blocks):
            name, stride = f"layer{stage}.{block}", 2 if block == 0 and stage > 1 else 1
            before = normalised(x, f"{name}.conv1", f"{name}.bn1")
            inner = F.relu(before)
            y = F.relu(normalised(inner, f"{name}.conv2", f"{name}.bn2", stride, 1))
            y = normalised(y, f"{name}.conv3", f"{name}.bn3")
            if block == 0:
                x = normalised(x, f"{name}.downsample.0", f"{name}.downsample.1", stride)
            x = F.relu(x + y)
        if stage == 3:
            layers["L1"] = x.flatten(1)
    pooled = x.mean((2, 3))
    layers |= {"L3": pooled, "classes": F.linear(pooled, tensors["fc.weight"], tensors["fc.bias"])}
    return layers | {"L2": inner.flatten(1), "before": before.flatten(1)}


def inception_v3(network, x):
    """L1, L2, L3, classes of torchvision's modules, called one by one; `x` holds values from -1 to 1."""
    for name in ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"):
        x = network.get_submodule(name)(x)
    x = F.max_pool2d(x, 3, 2)
    x = network.Conv2d_4a_3x3(network.Conv2d_3b_1x1(x))
    x = F.max_pool2d(x, 3, 2)
    mixed = []
    for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"):  # mixed0 to mixed10
        x = network.get_submodule(f"Mixed_{name}")(x)
        mixed.append(x.clone())
    pooled = mixed[10].mean((2, 3))
    return {"L1": mixed[7].flatten(1), "L2": mixed[10].flatten(1), "L3": pooled, "classes": network.fc(pooled)}


def xception(network, x):
    """L1, L2, L3 of timm's modules, called one by one, the ReLUs written out."""
    x = F.relu(network.bn1(network.conv1(x)))
    x = F.relu(network.bn2(network.conv2(x)))
    for number in range(1, 13):
        x = network.get_submodule(f"block{number}")(x)
    add_11 = x.clone()
    x = F.relu(network.bn3(network.conv3(x)))
    x = F.relu(network.bn4(network.conv4(x)))
    return {"L1": add_11.flatten(1), "L2": x.flatten(1), "L3": x.mean((2, 3))}


def mobilenet_v2(network, x):
    """L1, L2, L3, classes of torchvision's modules, called one by one; the last ReLU6 written out."""
    for number in range(18):
        x = network.features[number](x)
    last, norm, _ = network.features[18]
    top = norm(last(x)).clamp(0, 6)
    scores = network.classifier[1](top.mean((2, 3)))
    return {"L1": x.flatten(1), "L2": top.flatten(1), "L3": top.mean((2, 3)), "classes": scores}


def efficientnet_lite(network, x):
    """L1, L2, L3, classes of timm's modules, called one by one; the last normalisation and ReLU6 written out."""
    x = network.bn1(network.conv_stem(x))
    for stage in network.blocks:
        x = stage(x)
    norm = network.bn2
    top = F.batch_norm(
        network.conv_head(x), norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
    ).clamp(0, 6)
    scores = network.classifier(top.mean((2, 3)))
    return {"L1": x.flatten(1), "L2": top.flatten(1), "L3": top.mean((2, 3)), "classes": scores}


def densenet(network, x):
    """L3: avg_pool after the last batch normalisation and ReLU."""
    return {"L3": F.relu(network.features(x)).mean((2, 3))}


def pooled(network, x):
    """L3 of timm's convolutional networks."""
    return {"L3": network.forward_features(x).mean((2, 3))}


def convnext(network, x):
    values = network.forward_features(x).mean((2, 3))
    norm = network.head.norm
    return {"L3": F.layer_norm(values, values.shape[1:], norm.weight, norm.bias, norm.eps)}


def class_token(network, x):
    """L3 of vision transformers, the last layer norm written out; CLIP's projection is not applied."""
    x = network.patch_embed(x)
    x = torch.cat([network.cls_token.expand(len(x), -1, -1), x], dim=1) + network.pos_embed
    x = network.norm_pre(x)
    for block in network.blocks:
        x = block(x)
    token = x[:, 0]
    return {"L3": F.layer_norm(token, token.shape[1:], network.norm.weight, network.norm.bias, network.norm.eps)}
