"""A perceptron that starts as a projection onto principal directions, so that neighbours stay neighbours.

Drawn at random, a d-160-160 perceptron shuffles the neighbours of its input, and the first graph built on its
output is worse than that of the features. This start loses next to nothing, and leaves everything to learn.
"""

import numpy as np
import torch
from torch import Tensor, nn

_SAMPLE = 10_000  # rows that the directions are found from, at most: more change them little


def start_as_projection(perceptron: nn.Module, rows: Tensor, generator: torch.Generator) -> None:
    """Set the weights, in place, so that the output is the projection of its input onto principal directions.

    `perceptron` is linear (d to h), ReLU, linear (h to w), its biases 0; `rows` float (n, d) are its inputs. The
    directions are the first r = min(h / 2, w, d, n) right singular vectors of the rows, not centred, so that
    lengths and angles of the rows are kept as well as r numbers can. A ReLU lets half a line through, so each
    direction takes two hidden units, one for each sign. Hidden units without a direction keep their weights, but
    nothing comes of them at first. From more than 10,000 rows a sample is drawn.
    """
    from sklearn.utils.extmath import randomized_svd

    first, second = (layer for layer in perceptron.modules() if isinstance(layer, nn.Linear))
    if len(rows) > _SAMPLE:
        chosen = torch.randperm(len(rows), generator=generator)[:_SAMPLE].sort().values
        rows = rows[chosen.to(rows.device)]
    count = min(first.out_features // 2, second.out_features, *rows.shape)
    seed = int(torch.randint(2**31 - 1, (), generator=generator))
    with np.errstate(all="ignore"):  # rows of zeros have no directions; any will do
        directions = randomized_svd(rows.cpu().numpy(), count, n_iter=7, random_state=seed)[2]
    directions = torch.from_numpy(np.ascontiguousarray(directions)).to(first.weight)
    with torch.no_grad():
        first.weight[:count] = directions
        first.weight[count : 2 * count] = -directions
        second.weight.zero_()
        units = torch.arange(count, device=second.weight.device)
        second.weight[units, units] = 1
        second.weight[units, count + units] = -1
