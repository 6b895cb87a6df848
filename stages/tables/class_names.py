"""What the labels of images are called."""

from stages.tables import ImageTable


def class_names(images: ImageTable) -> tuple[str, ...]:
    """The names of the labels, by label; their numbers where they have no names; nothing without labels."""
    if not images.labelled:
        return ()
    return images.class_names or tuple(str(label) for label in range(images.labels.max() + 1))
