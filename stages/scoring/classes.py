"""Scores of single classes: how well each of them was found."""

from dataclasses import dataclass

import numpy as np

from stages.scoring.confusion import Confusion


@dataclass(frozen=True)
class ClassScores:
    """Scores from 0 to 1 of every class, float64 (c) each; see `class_scores`."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    fowlkes_mallows: np.ndarray


def class_scores(table: Confusion) -> ClassScores:
    """Score every class by the cluster that stands for it, and by the pairs that its images are in.

    `precision` is the share of the class among the images of its cluster, `recall` the share of the class that is
    in its cluster, `f1` their harmonic mean; all are 0 for a class without a cluster of its own.

    `fowlkes_mallows` needs no matching: it is the mean over the images i of the class of TP_i / sqrt((TP_i + FP_i)
    (TP_i + FN_i)), of the pairs that hold i: TP_i of one class in one cluster, FP_i of two classes in one cluster,
    FN_i of one class in two clusters (Guerin et al., "Combining pretrained CNN feature extractors to enhance
    clustering of complex natural images", Neurocomputing 2021, equations 6 to 8). It is 0 for an image that is
    alone in its class or its cluster, which the paper leaves open.
    """
    counts = table.counts.astype(np.float64)
    class_sizes, cluster_sizes = counts.sum(axis=1), counts.sum(axis=0)
    found = table.matched >= 0
    correct = np.where(found, counts[np.arange(len(counts)), table.matched], 0.0)
    precision = np.where(found, correct / cluster_sizes[table.matched], 0.0)
    recall = correct / class_sizes
    f1 = np.where(found, 2 * correct / (class_sizes + cluster_sizes[table.matched]), 0.0)
    # An image of class k in cluster c has n_ck - 1 pairs of the first kind, n_c - 1 in its cluster, n_k - 1 in its
    # class; all images of a cell have the same score.
    pairs = np.sqrt(np.outer(np.maximum(class_sizes - 1, 0), np.maximum(cluster_sizes - 1, 0)))
    of_cell = np.divide(counts - 1, pairs, out=np.zeros_like(pairs), where=(pairs > 0) & (counts > 0))
    return ClassScores(precision, recall, f1, (counts * of_cell).sum(axis=1) / class_sizes)
