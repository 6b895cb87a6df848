"""Compiled sums over the walks that stay within one or two clusters.

The inverse of I - z P is the sum of the powers of z P, which soon vanish: with z = 0.01, nine are all there is to
float64. So the few edges of a neighbour graph do instead of a dense system.
"""

import numba
import numpy as np


@numba.njit(cache=True)
def path_sums(
    targets: np.ndarray,
    shares: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    z: float,
    terms: int,
    scratch: np.ndarray,
) -> tuple[float, float]:
    """Return 1_i' (I - z P)^-1 1_i within the union of the clusters `first` and `second`, for i each of the two.

    `scratch` is float64 (n, 4), zeros before and after.
    """
    sum_first, sum_second = float(len(first)), float(len(second))
    for image in first:
        scratch[image, 0] = 1
    for image in second:
        scratch[image, 1] = 1
    now, then = 0, 2
    for _ in range(terms):
        for group in (first, second):
            for image in group:
                from_first = from_second = 0.0
                for e in range(targets.shape[1]):
                    from_first += shares[image, e] * scratch[targets[image, e], now]
                    from_second += shares[image, e] * scratch[targets[image, e], now + 1]
                scratch[image, then] = z * from_first
                scratch[image, then + 1] = z * from_second
        for image in first:
            sum_first += scratch[image, then]
        for image in second:
            sum_second += scratch[image, then + 1]
        now, then = then, now
    for group in (first, second):
        for image in group:
            scratch[image] = 0
    return sum_first, sum_second


@numba.njit(cache=True)
def cycle_diagonals(
    targets: np.ndarray,
    shares: np.ndarray,
    large: np.ndarray,
    small: np.ndarray,
    z: float,
    terms: int,
    diagonal: np.ndarray,
    place: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the diagonal of (I - z P)^-1 within the union of two clusters, by the members of each.

    `diagonal` (n) holds those within each cluster alone. With the blocks A, B, C, D of P, the inverse of the
    small one's Schur complement, S = (I - z D - z^2 C (I - z A)^-1 B)^-1, is its own part, and the large one's
    gains z^2 U S V, where U = (I - z A)^-1 B and V = C (I - z A)^-1. Only those of the small one's members count
    in U which have an edge from the large one, and in V which have one to it. `place` is int32 (n), -1 before
    and after.
    """
    n_large, n_small, degree = len(large), len(small), targets.shape[1]
    for at in range(n_large):
        place[large[at]] = at
    for at in range(n_small):
        place[small[at]] = n_large + at
    taking, giving = np.zeros(n_small, dtype=np.bool_), np.zeros(n_small, dtype=np.bool_)
    for at in range(n_large):
        for e in range(degree):
            if place[targets[large[at], e]] >= n_large:
                taking[place[targets[large[at], e]] - n_large] = True
    complement = np.eye(n_small)
    for at in range(n_small):
        for e in range(degree):
            column = place[targets[small[at], e]]
            if column >= n_large:
                complement[at, column - n_large] -= z * shares[small[at], e]
            elif column >= 0:
                giving[at] = True
    of_large, of_small = diagonal[large], diagonal[small]
    if taking.any() and giving.any():  # otherwise no cycle leads through both
        B, C = _edges_between(targets, shares, large, small, place, taking, giving)
        U = _walk(targets, shares, large, place, z, terms, B, False)
        V = _walk(targets, shares, large, place, z, terms, C.copy(), True)
        rows, columns = np.flatnonzero(giving), np.flatnonzero(taking)
        through = z * z * (C.T.copy() @ U)
        for i in range(len(rows)):
            for j in range(len(columns)):
                complement[rows[i], columns[j]] -= through[i, j]
        S = np.linalg.inv(complement)
        of_small = np.diag(S).copy()
        of_large += z * z * ((U @ S[columns][:, rows].copy()) * V).sum(axis=1)
    for image in large:
        place[image] = -1
    for image in small:
        place[image] = -1
    return of_large, of_small


@numba.njit(cache=True)
def _edges_between(
    targets: np.ndarray,
    shares: np.ndarray,
    large: np.ndarray,
    small: np.ndarray,
    place: np.ndarray,
    taking: np.ndarray,
    giving: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """The columns of B where the small one takes, and the rows of C where it gives, transposed."""
    n_large = len(large)
    column_of, row_of = np.cumsum(taking) - 1, np.cumsum(giving) - 1
    B, C = np.zeros((n_large, column_of[-1] + 1)), np.zeros((n_large, row_of[-1] + 1))
    for at in range(n_large):
        for e in range(targets.shape[1]):
            other = place[targets[large[at], e]]
            if other >= n_large:
                B[at, column_of[other - n_large]] = shares[large[at], e]
    for at in range(len(small)):
        for e in range(targets.shape[1]):
            other = place[targets[small[at], e]]
            if 0 <= other < n_large:
                C[other, row_of[at]] = shares[small[at], e]
    return B, C


@numba.njit(cache=True)
def _walk(
    targets: np.ndarray,
    shares: np.ndarray,
    members: np.ndarray,
    place: np.ndarray,
    z: float,
    terms: int,
    start: np.ndarray,
    backwards: bool,
) -> np.ndarray:
    """The sum of (z P)^t `start` over the powers t, P within the members, or transposed if `backwards`."""
    total, now, then = start.copy(), start, np.empty_like(start)
    count, width = start.shape
    for _ in range(terms):
        then[:] = 0
        for at in range(count):
            for e in range(targets.shape[1]):
                other = place[targets[members[at], e]]
                if 0 <= other < count:
                    share = z * shares[members[at], e]
                    source, goal = (at, other) if backwards else (other, at)
                    for column in range(width):
                        then[goal, column] += share * now[source, column]
        total += then
        now, then = then, now
    return total
