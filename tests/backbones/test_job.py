"""Which part of a torchrun job is this process's."""

from itertools import chain

import pytest

from stages.backbones.job import Ranks, joined_ranks
from stages.core.errors import ParameterError


def test_without_torchrun_one_process_does_all(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    with joined_ranks() as ranks:
        assert ranks == Ranks(0, 1, 0)
        ranks.barrier()
    assert ranks.share([0, 4, 5]) == [0, 4, 5]


def test_the_shares_cover_all_shards_once_whatever_is_done_already():
    for missing in (list(range(10)), [1, 2, 7, 9]):
        shares = [Ranks(rank, 3).share(missing) for rank in range(3)]
        assert sorted(chain.from_iterable(shares)) == missing
    # A process that looks later, when others have finished some, still finds only its own.
    assert set(Ranks(1, 3).share([4, 7, 8])) <= set(Ranks(1, 3).share(list(range(10))))


def test_a_damaged_environment_is_told(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "many")
    monkeypatch.setenv("RANK", "0")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(
        ParameterError, match="the environment has RANK=0, WORLD_SIZE=many, LOCAL_RANK=0; unset them"
    ):
        with joined_ranks():
            pass
