"""Seeds derived by name from the one `seed` of params.yaml."""

import hashlib


def derived_seed(seed: int, *names: object) -> int:
    """Return a seed in [0, 2**31) for what `names` name, e.g. ("kmeans", "L3", 3).

    Adding a run elsewhere changes no other run's seed, as a shared counter or generator would.
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
