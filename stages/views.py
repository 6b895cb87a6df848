"""Stage `views`: list the backbones that are combined, with the digests of their tables."""

from typing import Annotated

import typer

from stages.core.checks import check_once
from stages.core.command import run
from stages.core.digests import file_digest
from stages.core.layer_names import CLASSES
from stages.params.file import PARAMS
from stages.params.options import DATA, DataFolder, Dataset, Layers
from stages.params.stage import ParamsFile, stage_application
from stages.tables import check_same_images, read_fingerprint, read_images
from stages.tables.manifest import write_manifest


def views(
    dataset: Dataset,
    backbones: Annotated[list[str], typer.Option(help="Name of a backbone to combine; repeatable.")],
    layers: Layers = ["L3"],  # noqa: B006 - Typer copies it
    data: DataFolder = DATA,
    params: ParamsFile = PARAMS,
) -> None:
    """Check that every backbone's tables are there and of the same images; write two manifests of them.

    The first also lists the class scores of a backbone that has some, by which clusters get their names.
    Leftover files of other backbones, which stay in the folders, are not listed and so not used.
    """
    check_once("backbones", backbones, "backbone")
    images = read_images(data / "images" / f"{dataset}.parquet")
    features, partitions = {}, {}
    for backbone in backbones:
        folder = data / "features" / dataset / backbone
        tables = {layer: folder / f"{layer}.parquet" for layer in layers}
        if (scores := folder / f"{CLASSES}.parquet").is_file():
            tables[CLASSES] = scores
        table = data / "partitions" / dataset / "baseline" / f"{backbone}.parquet"
        for file in [*tables.values(), table]:
            check_same_images(images, read_fingerprint(file))
        features[backbone] = {layer: file_digest(file) for layer, file in tables.items()}
        partitions[backbone] = {"baseline": file_digest(table)}
    folder = data / "views" / dataset
    write_manifest(folder / "features.json", features)
    write_manifest(folder / "partitions.json", partitions)
    print(f"{dataset}: {len(backbones)} views of {len(images)} images: {', '.join(backbones)}")


app = stage_application(views, "backbones", "views.layers")

if __name__ == "__main__":
    run(app)
