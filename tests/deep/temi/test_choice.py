"""Heads: one out of many, and which."""

import numpy as np
import pytest
import torch

from stages.deep.temi import choice
from stages.deep.temi.choice import best_head, look
from stages.deep.temi.heads import Heads, draw_heads
from stages.deep.temi.pairs import pair_losses, pair_weights


def made(joined: bool = False) -> tuple[Heads, list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(0)
    heads = Heads([5, 4], 3, 4, 6, 7, 0.1, joined)
    draw_heads(heads, generator)
    return heads, [torch.randn(10, width, generator=generator) for width in (5, 4)]


@pytest.mark.parametrize("joined", [False, True])
def test_a_single_head_says_what_it_said_among_many(joined: bool) -> None:
    heads, views = made(joined)
    spaces = [torch.cat(views, dim=1)] if joined else views
    centres = [space.mean(dim=0) + 1 for space in spaces]
    together = heads.log_shares([space - centre for space, centre in zip(spaces, centres, strict=True)])
    together = together.exp().detach()
    np.testing.assert_allclose(together.sum(dim=2), 1, rtol=1e-5)
    for number in range(4):
        alone = heads.head(number, centres)(views)
        np.testing.assert_allclose(alone, together[number], rtol=1e-3, atol=1e-6)
        assert not alone.requires_grad
    assert not torch.allclose(together[0], together[1], atol=1e-3)


def test_making_one_leaves_the_random_state_alone() -> None:
    heads, views = made()
    before = torch.get_rng_state()
    heads.head(0, [view[0] for view in views])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("rows", [1024, 3])
def test_a_look_is_the_loss_on_all_images(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """A neighbour each, so that nothing is left to chance; in parts, the same."""
    monkeypatch.setattr(choice, "_ROWS", rows)
    heads, spaces = made()
    partners = torch.tensor([1, 0, 5, 4, 3, 2, 7, 6, 9, 9])
    losses, clusters = look(heads.log_shares, spaces, partners[:, None], 0.6, torch.Generator())
    shares = heads.log_shares(spaces).detach()
    images = torch.arange(10)
    weights = pair_weights(shares, images, partners)
    expected = pair_losses(shares, shares, images, partners, shares.exp().mean(dim=1), weights, 0.6)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert torch.equal(clusters, shares.argmax(dim=2))


def test_the_lowest_loss_wins_but_not_with_an_empty_cluster_that_another_fills() -> None:
    full, empty = [0, 1, 2, 2], [0, 0, 1, 1]
    losses = torch.tensor([-3.0, -1.0, -2.0])
    assert best_head(losses, torch.tensor([empty, full, full]), 3) == 2
    assert best_head(losses, torch.tensor([empty, empty, empty]), 3) == 0
    assert best_head(losses, torch.tensor([full, full, full]), 3) == 0
    assert best_head(losses, torch.tensor([full, full, full]), 4) == 0
