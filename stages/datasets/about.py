"""What is known about an image set before it is read: for the catalogue, and to notice when another one came."""

from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """The keys below `about` in a source.yaml, each of which may be left out."""

    title: str = ""  # the set's name, written out
    images: int = 0  # how many the set is known to hold; 0: unknown
    classes: int = 0  # how many the set is known to hold; 0: unknown
    licence: str = ""  # on what terms the images may be used
    homepage: str = ""  # address of the publisher's page
    note: str = ""  # what a user should know, such as whom to ask for the images

    def surprise(self, images: int, classes: int) -> str:
        """Say in one line how the counts of a set just read differ from those known; "" if they do not.

        `images` counts the unreadable ones too.
        """
        counts = [("images", images, self.images), ("classes", classes, self.classes)]
        wrong = [f"{found} {what} instead of {known}" for what, found, known in counts if known and found != known]
        return f"{' and '.join(wrong)}: this is not the set that source.yaml describes" if wrong else ""
