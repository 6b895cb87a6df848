"""A folder of the user's as a dataset: a source.yaml that points to it, and its name in params.yaml."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import yaml

from stages.commands.params_text import add_item, lay_over
from stages.core.atomic import write_text
from stages.core.errors import DatasetError, ParameterError
from stages.datasets import SOURCE
from stages.datasets.folder import list_images, read_folder
from stages.datasets.labels import UNLABELLED
from stages.datasets.local import Local
from stages.datasets.source import read_source
from stages.diagnosis.inputs import OF_THE_PIPELINE
from stages.params.file import PARAMS, read_params
from stages.params.options import check_dataset_name, check_n_clusters_text

Labels = Literal["folders", "none"]
_LONGEST_NAME = 100  # characters; names of files are made of it


class ImageFolder(NamedTuple):
    """A folder, the name of the dataset that it is or becomes, and its source.yaml.

    `reader` reads it; None where the images are in the dataset's own folder. `is_new`: nothing describes it yet.
    """

    place: Path
    name: str
    reader: Local | None
    is_new: bool


def plan_dataset(folder: Path, root: Path, name: str = "", labels: Labels | None = None) -> ImageFolder:
    """Return which dataset of the project in `root` a folder is, or would become; nothing is written.

    A folder that a dataset describes already keeps its name, if no other is given. `labels` None: as it is, at
    first "folders". Raises `ParameterError` for a folder that cannot be one and for a name that is taken.
    """
    place, raw = _resolved(folder), root / "data" / "raw"
    if place.parent == raw.resolve():
        return _own_images(place, name, labels)
    for part in ("data", "metrics", "stages", ".git", ".dvc"):
        own = (root / part).resolve()
        if place.is_relative_to(own):
            raise ParameterError(f"{folder} is in the project's own folder {part}; name a folder of images")
        if own.is_relative_to(place):
            raise ParameterError(f"{folder} holds the project's own files; name a folder of images alone")
    described = _described(raw)
    rule = UNLABELLED if labels == "none" else ""
    known = [other for other, reader in described.items() if _place_of(reader) == place]
    if name:
        _check_name(name)
    else:
        name = known[0] if known else safe_name(place.name)
    if name not in known:
        _check_free(raw / name, described.get(name))
        reader = Local(path=_written_path(place), labels=rule, folder=raw / name)
        if not (list_images(place) if rule else read_folder(place)):  # which reads its table of labels, too
            raise ParameterError(f"{folder} holds no file with the ending of an image; name a folder of images")
        return ImageFolder(place, name, reader, True)
    reader = described[name]
    if labels and reader != (changed := replace(reader, labels=rule)):
        if changed != Local(path=reader.path, labels=rule, folder=reader.folder):
            wanted = f"write labels: {rule} there" if rule else "take its rule for labels out"
            raise ParameterError(f"{raw / name / SOURCE} has keys of its own; {wanted}")
        return ImageFolder(place, name, changed, True)
    return ImageFolder(place, name, reader, False)


def write_dataset(dataset: ImageFolder, root: Path, n_clusters: str = "") -> list[str]:
    """Write the dataset's source.yaml and name it in params.yaml; return a line for each thing that changed.

    Cut short between the two, the next call goes on. Raises `ParameterError` before anything is written.
    """
    done, file = [], root / PARAMS
    before, text = read_params(file), file.read_bytes().decode("utf-8")  # line ends as they are
    changed = add_item(text, "datasets", dataset.name, str(PARAMS))
    if dataset.reader:
        changed = add_item(changed, "watch", dataset.name, str(PARAMS))
    if n_clusters:
        check_n_clusters_text(n_clusters)
        value = int(n_clusters) if n_clusters.isdecimal() else n_clusters
        changed = lay_over(changed, {"n_clusters": value}, str(PARAMS))
    if dataset.reader and dataset.is_new:
        source = root / "data" / "raw" / dataset.name / SOURCE
        write_text(source, _source_text(dataset.reader))
        done.append(f"{source.relative_to(root)}: the images stay in {dataset.place}")
    if changed != text:
        write_text(file, changed)
        if dataset.name not in map(str, before["datasets"]):
            done.append(f"{PARAMS}: {dataset.name} is one of the datasets")
        if n_clusters and str(before["n_clusters"]) != n_clusters:
            done.append(f"{PARAMS}: n_clusters: {before['n_clusters']} -> {n_clusters}, for every dataset")
    return done


def safe_name(text: str) -> str:
    """Make of any text a name that a dataset may have: without accents, other characters become "-"."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9._]+", "-", plain)[:_LONGEST_NAME].strip("-._")
    return _check_name(name if name and name not in OF_THE_PIPELINE else f"{name}-images".strip("-"))


def _check_name(name: str) -> str:
    if name in OF_THE_PIPELINE:
        raise ParameterError(f"the pipeline itself uses the name {name} under metrics; give another one by --name")
    return check_dataset_name(name)


def _resolved(folder: Path) -> Path:
    try:
        place = folder.expanduser().resolve()
        if place.is_dir():
            return place
    except (OSError, RuntimeError):  # links in a circle, names that are too long, a user without a home
        pass
    there = "is not a folder; unpack an archive first" if folder.is_file() else "does not exist"
    raise ParameterError(f"{folder} {there}; name a folder of images")


def _own_images(place: Path, name: str, labels: Labels | None) -> ImageFolder:
    """The dataset whose own folder was given."""
    if name not in ("", place.name):
        raise ParameterError(f"{place} is the dataset {place.name!r} already; leave out --name")
    wrong = "has its sub-folders as labels" if labels == "none" else ""
    if (place / SOURCE).exists():
        wrong = f"holds a {SOURCE}, no photos"
    if wrong:
        raise ParameterError(f"{place} {wrong}; name a folder outside the project")
    return ImageFolder(place, _check_name(place.name), None, False)


def _described(raw: Path) -> dict[str, Local]:
    """The readers of the datasets in `raw` whose images are elsewhere on this machine, by name."""
    found = {}
    for source in sorted(raw.glob(f"*/{SOURCE}")):
        try:
            reader = read_source(source)
        except (DatasetError, OSError):  # it is another dataset's fault, which its own run reports
            continue
        if isinstance(reader, Local):
            found[source.parent.name] = reader
    return found


def _place_of(reader: Local) -> Path | None:
    try:
        return reader.place().resolve()
    except (DatasetError, OSError, RuntimeError):
        return None


def _check_free(folder: Path, described: Local | None) -> None:
    """Raise `ParameterError` where the folder of a dataset to be made is another one's."""
    if not folder.exists() or not any(not place.name.startswith(".") for place in folder.iterdir()):
        return
    numbers = (f"{folder.name}-{number}" for number in range(2, 10**6))
    free = next(other for other in numbers if not folder.with_name(other).exists())
    what = f"the photos in {described.path}" if described else "another image set"
    raise ParameterError(f"the name {folder.name} is taken, by {what}; give another one, such as --name {free}")


def _written_path(place: Path) -> str:
    """A path as source.yaml has it: with "~" for the home folder, and a dollar twice."""
    home = Path.home().resolve()
    text = str(Path("~") / place.relative_to(home)) if place.is_relative_to(home) else str(place)
    return text.replace("$", "$$")


def _source_text(reader: Local) -> str:
    keys = {"reader": "local", "path": reader.path} | ({"labels": reader.labels} if reader.labels else {})
    written = yaml.safe_dump(keys, allow_unicode=True, sort_keys=False, width=10**6)
    return f"# Written by `manyviews add`. The images stay where they are.\n{written}"
