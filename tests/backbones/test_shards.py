"""Shards on disk: how many rows, which are whole, what is discarded."""

import numpy as np
import pytest

from stages.backbones.shards import ShardStore, shard_rows
from stages.core.runlog import Timings

DIMENSIONS = {"L1": 3, "L3": 2}


def _store(folder, facts=None, n_images=5, rows=2):
    return ShardStore(folder, facts or {"precision": "fp32"}, DIMENSIONS, n_images, rows)


def _features(store, shard, value=0.0):
    start, stop = store.bounds(shard)
    return {layer: np.full((stop - start, d), value + shard, np.float32) for layer, d in DIMENSIONS.items()}


@pytest.mark.parametrize(
    ("dimensions", "batch_size", "rows"),
    [
        (2048, 8, 1024),
        (221_952, 8, 64),  # 64 MiB / 888 kB = 75
        (355_072, 8, 32),
        (2048, 256, 1024),
        (221_952, 256, 256),
        (2048, 48, 1056),
        (1 << 30, 8, 8),
    ],
)
def test_rows_of_a_shard(dimensions, batch_size, rows):
    assert shard_rows(dimensions, batch_size) == rows


def test_shards_come_back_in_order(tmp_path):
    store = _store(tmp_path)
    assert store.missing() == [0, 1, 2]
    timings = Timings()
    store.save_each(((shard, _features(store, shard)) for shard in (2, 0, 1)), timings)
    assert store.missing() == []
    assert np.concatenate(list(store.load("L3")))[:, 0].tolist() == [0, 0, 1, 1, 2]
    assert next(store.load("L1")).shape == (2, 3)
    assert set(timings.seconds()) == {"write", "wait for disk"}
    store.remove()
    assert list(tmp_path.iterdir()) == []


def test_another_run_goes_on_where_the_first_was(tmp_path):
    _store(tmp_path).save(1, _features(_store(tmp_path), 1))
    assert _store(tmp_path).missing() == [0, 2]


def test_a_shard_that_is_cut_short_or_of_another_shape_counts_as_missing(tmp_path):
    store = _store(tmp_path)
    store.save_each(((shard, _features(store, shard)) for shard in range(3)), Timings())
    files = sorted(store.folder.iterdir())
    files[0].write_bytes(files[0].read_bytes()[:-3])
    files[1].write_bytes(files[2].read_bytes())
    files[2].write_bytes(b"")
    assert store.missing() == [0, 1, 2]


def test_shards_of_other_facts_are_not_taken_and_are_removed(tmp_path):
    old = _store(tmp_path)
    old.save(0, _features(old, 0))
    for other in (_store(tmp_path, {"precision": "bf16"}), _store(tmp_path, rows=4), _store(tmp_path, n_images=4)):
        assert other.missing() == list(range(other.count))
    new = _store(tmp_path, {"precision": "bf16"})
    new.save(0, _features(new, 0))
    (new.folder / ".partial-x.safetensors").touch()
    (tmp_path / "lock").touch()
    new.discard_others()
    assert sorted(place.name for place in tmp_path.iterdir()) == sorted([new.folder.name, "lock"])
    assert new.missing() == [1, 2]
    assert len(list(new.folder.iterdir())) == 1


def test_a_full_disk_is_told_and_leaves_no_part_of_a_shard(tmp_path, monkeypatch):
    store = _store(tmp_path)

    def full(_, file, metadata):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(OSError, match="cannot be written: the disk is full"):
        store.save_each([(0, _features(store, 0))], Timings())
    assert list(store.folder.iterdir()) == []
