"""Reads images that are elsewhere on this machine: in a folder, or in a zip or tar archive."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from stages.core.errors import DatasetError, one_line
from stages.core.regular import check_regular
from stages.datasets.archive import list_members
from stages.datasets.folder import PassedOver, find_table, list_files
from stages.datasets.images import RawImage
from stages.datasets.keys import About, resolve_path
from stages.datasets.labels import Labelling
from stages.datasets.labeltables import Table
from stages.fetching.archives import opened

SOURCE = "source.yaml"  # describes a dataset; it may be in the folder of the images


@dataclass(frozen=True, kw_only=True)
class Local(Labelling):
    """Images in a folder or an archive of the user's. The fields but the last two are the keys of source.yaml.

    A labels.csv in the folder decides about labels where no rule is chosen, as it does in a dataset's own folder.
    """

    path: str  # of the folder or the archive; ~ and $VARIABLES are replaced; relative to the dataset's own folder
    folders: Sequence[str] = ()  # sub-folders to take, all of them when empty
    images: str = "*"  # shell-style pattern, "*" crosses "/"; files without an image's extension are left out
    folder: Path = Path()  # the dataset's own
    about: About = field(default_factory=About)

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path, readable until the end of the `with` block.

        Raises `DatasetError` when nothing is at `path` or no image in it, `FetchError` for a damaged archive.
        """
        place = self.place()
        if place.is_dir():
            yield self._labelled(place, self._files(place)[0], report)
        else:
            with opened(place) as archive:
                yield list_members([archive], self.images, self, report, self._chosen)

    def passed_over(self) -> list[PassedOver]:
        """The files of the folder that are no images or not chosen by `images`, by path; none of an archive."""
        root = self.place()
        return self._files(root)[1] if root.is_dir() else []

    def survey(self, root: Path) -> tuple[list[RawImage], list[PassedOver]]:
        """Return the images of the folder `root` as `open` does, and what is passed over, of one walk."""
        images, others = self._files(root)
        return self._labelled(root, images, lambda line: None), others

    def place(self) -> Path:
        """Where the images are. Raises `DatasetError` where nothing is."""
        whom = f" ({self.about.note})" if self.about.note else ""
        try:
            place = resolve_path(self.path, self.folder)
        except DatasetError as error:
            raise DatasetError(f"{error}{whom}") from None
        if not place.exists():
            raise DatasetError(
                f"{place}, which `path` {self.path!r} means, does not exist; put the images there{whom}"
            )
        return place

    def _chosen(self, path: str) -> bool:
        return not self.folders or any(path.startswith(f"{folder.strip('/')}/") for folder in self.folders)

    def _files(self, root: Path) -> tuple[list[RawImage], list[PassedOver]]:
        """The images of the folders that are chosen, without labels, and all other files; both sorted by path."""
        images, others = list[RawImage](), list[PassedOver]()
        for prefix in self._prefixes(root):
            here, not_images = list_files(root / prefix)
            for image in here:
                path = prefix + image.path
                if fnmatchcase(path, self.images):
                    images.append(replace(image, path=path))
                else:
                    others.append(PassedOver(path, "not matched by `images`"))
            named = (file._replace(path=prefix + file.path) for file in not_images)
            others += (file for file in named if not (fnmatchcase(file.path, self.labels) or file.path == SOURCE))
        return sorted(images, key=lambda image: image.path), sorted(others)

    def _labelled(self, root: Path, images: list[RawImage], report: Callable[[str], None]) -> list[RawImage]:
        """The `images` with labels; raises `DatasetError` where there is none."""
        if not images:
            raise DatasetError(f"{root} holds no image that matches {self.images!r}; correct `images` or `path`")
        rule = self
        if not (self.labels or self.label_folder or self.label_pattern or self.label_block):
            table = find_table(root)
            rule = replace(self, labels=table.name if table else "")
        labels = rule.label([image.path for image in images], lambda pattern: _table(root, pattern), report)
        return [replace(image, label=labels.get(image.path)) for image in images]

    def _prefixes(self, root: Path) -> list[str]:
        """The folders to walk, with "/" at the end; the rest of a large collection is not even listed."""
        for folder in self.folders:
            if folder.startswith("/") or ".." in PurePosixPath(folder).parts:
                raise DatasetError(f"`folders` lists {folder!r}; name folders below {root}, from there on")
            if not (root / folder).is_dir():
                others = sorted(place.name for place in root.iterdir() if place.is_dir())[:5]
                raise DatasetError(
                    f"{root} has no folder {folder!r}, which `folders` lists; it has {', '.join(others) or 'none'}"
                )
        return [f"{folder.strip('/')}/" for folder in dict.fromkeys(self.folders)] or [""]


def _table(root: Path, pattern: str) -> Table:
    """Read the one file of `root` that matches."""
    try:
        files = sorted(file for file in root.glob(pattern) if file.is_file())
    except (NotImplementedError, ValueError) as error:  # of an absolute one, and of "**x"
        raise DatasetError(f"`labels` is {pattern!r} ({one_line(error)}); write a path from {root} on") from None
    if len(files) != 1:
        found = f"{len(files)} files match" if files else "no file matches"
        raise DatasetError(f"{root}: {found} {pattern!r}, the table of labels; exactly one should")
    return Table(files[0].relative_to(root).as_posix(), str(files[0]), check_regular(files[0]).read_bytes())
