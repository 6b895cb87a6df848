"""Shards cut into batches, pixels padded, work done in order."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from stages.backbones.card import Preprocessing
from stages.backbones.extraction import ordered_map
from stages.backbones.preprocessing import Batch, decode_batch, in_batches


def test_batches_end_where_shards_end():
    shards = [(3, iter([b"a", b"b", b"c"])), (5, [b"d", b"e"]), (6, [])]
    assert list(in_batches(shards, 2)) == [
        Batch(3, [b"a", b"b"], last=False),
        Batch(3, [b"c"], last=True),
        Batch(5, [b"d", b"e"], last=True),
    ]


def test_a_short_batch_is_filled_with_black():
    pixels = decode_batch(
        Batch(0, [b"50", b"60"], last=True),
        lambda data: Image.new("RGB", (4, 4), (int(data), 0, 0)),
        Preprocessing(2, 2, (0, 0, 0), (1, 1, 1)),
        3,
    )
    assert pixels.shape == (3, 2, 2, 3)
    assert pixels.dtype == np.uint8
    assert pixels[:, 0, 0].tolist() == [[50, 0, 0], [60, 0, 0], [0, 0, 0]]


def test_results_come_in_order_though_the_first_is_done_last():
    second_is_done = threading.Event()

    def work(item):
        if item == 0:
            assert second_is_done.wait(30)
        if item == 1:
            second_is_done.set()
        return -item

    with ThreadPoolExecutor(2) as pool:
        assert list(ordered_map(pool, work, range(4), ahead=2)) == [(0, 0), (1, -1), (2, -2), (3, -3)]


def test_no_more_than_asked_for_is_read_ahead():
    taken = []
    with ThreadPoolExecutor(1) as pool:
        results = ordered_map(pool, lambda item: item, (taken.append(i) or i for i in range(100)), ahead=3)
        next(results)
        assert taken == [0, 1, 2]
        results.close()


def test_an_error_comes_where_its_item_stands():
    with ThreadPoolExecutor(2) as pool:
        results = ordered_map(pool, lambda item: 1 // item, [2, 1, 0, 1], ahead=2)
        assert [next(results), next(results)] == [(2, 0), (1, 1)]
        with pytest.raises(ZeroDivisionError):
            next(results)
