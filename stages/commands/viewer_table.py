"""The table of `manyviews export --as parquet`: all images on the first map of the page, with small pictures."""

import io
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stages.core.progress import tracked
from stages.exporting.documents import Wanted
from stages.exporting.points import read_map, spread, write_points
from stages.params.file import PARAMS, read_section
from stages.tables import IMAGE_ROWS, check_same_images, read_vectors
from stages.tables.manifest import read_manifest
from stages.tables.results import ClusterName, read_assignments

_SIDE = 128  # pixels of the longer side of a picture: some 8 kB each


def write_viewer_table(
    wanted: Wanted, named: Mapping[int, ClusterName], data: Path, originals: Path | None, file: Path
) -> None:
    """Write the wanted images as a table of points, see `write_points`, from the pipeline's folder `data`.

    `named` has the names of the clusters. Points are those of the first map of the report, which shows at most
    5,000 images; others are placed between them. `originals` is the folder of the images' files, if they are
    files. Raises `TableError` where there is no report of these images yet.
    """
    from stages.reporting.spaces import space_sources

    images, dataset = wanted.images, wanted.about["dataset"]
    report, views = read_section(data.parent / PARAMS, "report"), data / "views" / dataset
    trained, backbones = (read_manifest(views / f"{name}.json") for name in ("methods", "features"))
    source = space_sources(data, dataset, trained, backbones, report["method"], report["layer"])[0]
    metrics, result = data.parent / "metrics", read_assignments(data / "results" / dataset, images)
    # `manyviews cluster` makes a page of its own for each dataset.
    maps = [metrics / "maps" / f"{dataset}.csv", metrics / dataset / "maps" / f"{dataset}.csv"]
    latest = max(filter(Path.is_file, maps), key=lambda file: file.stat().st_mtime_ns, default=maps[0])
    on_map = read_map(latest, source.title, images, result.labels)
    vectors = read_vectors(source.file, source.column)
    check_same_images(images, vectors)
    write_points(
        file,
        wanted,
        spread(on_map, vectors.values),
        {number: found.name for number, found in named.items()},
        {
            row: str(place.absolute())
            for row in wanted.rows.tolist()
            if originals and (place := originals / images.paths[row]).is_file()
        },
        tracked(_pictures(wanted), "shrinking images", len(wanted.rows)),
    )


def _pictures(wanted: Wanted) -> Iterator[bytes]:
    """The wanted images one by one, shrunk, as JPEG without metadata."""
    from stages.decoding.pixels import decode_stored
    from stages.reporting.sprites import shrink

    def jpeg(row: int, data: bytes) -> bytes:
        buffer = io.BytesIO()
        picture = shrink(decode_stored(wanted.images, row, data), _SIDE)
        picture.save(buffer, "JPEG", quality=80, exif=b"", icc_profile=None)
        return buffer.getvalue()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(wanted.rows), IMAGE_ROWS):  # no more encoded images than these in memory
            rows = wanted.rows[start : start + IMAGE_ROWS].tolist()
            yield from pool.map(jpeg, rows, wanted.images.read_rows(rows))
