"""Seeds derived by name."""

from stages.core.seeds import derived_seed


def test_seeds_are_stable_and_differ_by_name_and_by_seed():
    assert derived_seed(0, "kmeans", 1) == derived_seed(0, "kmeans", 1)
    names = [("kmeans", index) for index in range(100)] + [("ward", index) for index in range(100)]
    seeds = {derived_seed(seed, *name) for seed in (0, 1) for name in names}
    assert len(seeds) == 400
    assert all(0 <= seed < 2**31 for seed in seeds)
