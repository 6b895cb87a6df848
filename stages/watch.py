"""The DVC stage `watch`: whether the photos of a dataset changed that stay in a folder elsewhere.

DVC would have to read the folder itself, and stops at a broken link, a pipe or a name that is not text. This stage
runs every time and writes a digest beside source.yaml, on which `download` depends.
"""

import json

from stages.core.atomic import write_text
from stages.core.command import application, run, warn
from stages.core.errors import DatasetError
from stages.core.seal import sealed_json, unsealed_json
from stages.params.options import DATA, DataFolder, Dataset


def watch(dataset: Dataset, data: DataFolder = DATA) -> None:
    """Look at the photos that DATA/raw/NAME/source.yaml names, and write their digest to seen.json beside it.

    Only photos that are new or changed since the last look are read. Where the folder is not there, such as on a
    colleague's machine, the digest stays as it is.
    """
    # Imported here, so that --help need not wait for them.
    from stages.datasets import SOURCE
    from stages.datasets.local import Local
    from stages.datasets.seen import look
    from stages.datasets.source import read_source

    folder = data / "raw" / dataset
    source, file, kept = folder / SOURCE, folder / "seen.json", data / "scratch" / "watch" / f"{dataset}.json"
    reader = read_source(source) if source.is_file() else None
    if not isinstance(reader, Local):
        raise DatasetError(f"{source} names no folder elsewhere; take {dataset} out of `watch` in params.yaml")
    try:
        place = reader.place()
    except DatasetError as error:
        if not file.is_file():
            raise
        warn(f"{error}; {dataset} counts as unchanged")
        return
    try:
        known = unsealed_json(kept.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # the first look, or damaged: all photos are read
        known = {}
    seen, known = look(reader, known)
    write_text(kept, sealed_json(known))
    text = json.dumps(seen._asdict(), indent=2) + "\n"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        write_text(file, text)
    print(f"{dataset}: {seen.images} images in {place}" if place.is_dir() else f"{dataset}: {place}")


app = application(watch)

if __name__ == "__main__":
    run(app)
