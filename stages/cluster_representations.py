"""Stage `cluster_representations`: a trained network's embedding, clustered by plain algorithms.

Yang, Parikh and Batra, "Joint unsupervised learning of deep representations and image clusters", CVPR 2016,
compare clusterers on the images' pixels, and then on the representation that their network learnt.
"""

import time
from typing import Annotated

import typer

from stages.clustering import ALGORITHMS
from stages.clustering.single_runs import clustered, described_counts, single_runs
from stages.core.command import run
from stages.core.digests import file_digest
from stages.core.runlog import write_runlog
from stages.params.file import PARAMS
from stages.params.n_clusters import found_n_clusters, resolve_n_clusters
from stages.params.options import DATA, DataFolder, Dataset, NClusters, NInit, Seed
from stages.params.representations import Representation
from stages.params.stage import ParamsFile, stage_application
from stages.tables import check_same_images, read_images, read_vectors, write_partitions
from stages.tables.methods import MethodName, clustered_embedding
from stages.tables.trained_files import TrainedFiles


def cluster_representations(
    dataset: Dataset,
    representation: Representation,
    n_clusters: NClusters,
    seed: Seed = 0,
    algorithms: Annotated[
        list[str],
        typer.Option(
            help=f"Any of {', '.join(ALGORITHMS)}, with parameters like gdl:n_neighbors=10,a=0.95; repeatable."
        ),
    ] = ["kmeans", "sc_njw", "sc_st", "sc_ls", "ncuts", "average", "zeta", "gdl", "pic", "nmf_lp"],  # noqa: B006
    n_init: NInit = 10,
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Cluster the embedding of a trained network, as rows of length 1, and write one column an algorithm.

    Each algorithm runs once. Where one takes no negative numbers, as nmf_lp, the features that have some are
    shifted by their least values. Those that find the number of clusters themselves label an image that they leave
    out -1.
    """
    chosen = single_runs(algorithms)
    network, files = MethodName.parse(representation), TrainedFiles(data, dataset)
    name = clustered_embedding(network)
    images = read_images(data / "images" / f"{dataset}.parquet")
    count = resolve_n_clusters(n_clusters, images) or found_n_clusters(files.n_clusters)
    file = files.embedding(network)
    embedding = read_vectors(file, "embedding")
    check_same_images(images, embedding)
    started = time.perf_counter()
    training = {key: value for key, value in embedding.metadata.items() if key not in ("images", "kind")}
    common = {"embedding": file_digest(file), "network": training}
    labels, settings = {}, {}
    runs = clustered(embedding.values, chosen, name.method, count, seed, n_init, "cluster fewer images at once")
    for column, found, own in runs:
        labels[column], settings[column] = found, common | own
    write_partitions(files.partitions(name), labels, settings, images.fingerprint)
    seconds = time.perf_counter() - started
    write_runlog(f"cluster-{dataset}-{name.objective}-{name.method}", seconds=round(seconds, 3))
    print(f"{dataset}: the embedding of {network} in {described_counts(labels)}, {seconds:.1f} s")


app = stage_application(
    cluster_representations, "n_clusters", "seed", "representation.algorithms", "representation.n_init"
)

if __name__ == "__main__":
    run(app)
