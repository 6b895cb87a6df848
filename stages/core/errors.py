"""The exceptions that a user can cause. Each message is one line: the fault, and the way out."""


class ManyviewsError(Exception):
    """Base of every error that a command reports as one line instead of a traceback."""


class ParameterError(ManyviewsError, ValueError):
    """An option or parameter has a value that cannot be used."""


class DatasetError(ManyviewsError):
    """A dataset folder, its source.yaml or its images cannot be used."""


class FetchError(ManyviewsError):
    """A file could not be fetched, or is not the file it should be."""


class BackboneError(ManyviewsError):
    """A backbone is unknown, or its weights are not available."""


class NotAFileError(ManyviewsError):
    """A pipe or a device is in the place of a file: reading it may never end."""


class ClusterError(ManyviewsError):
    """A Ray cluster lost a task for good, or its nodes lack what a task needs."""


class WriteError(ManyviewsError, OSError):
    """A file could not be written, because the disk is full."""


class TableError(ManyviewsError):
    """A table is missing, unreadable, or belongs to other images."""


def one_line(error: Exception, most: int = 300) -> str:
    """Another library's message on one line of at most `most` characters; the type of an error without one."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else f"{text[:most]}..."


def first_line(error: Exception) -> str:
    """The first line of another library's message; the type of an error without one."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def printable(message: str) -> str:
    """Return a message, in which names of files may stand, with line ends and control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
