from stages.datasets import RawImage, Readable, Rejected, UnreadableImageError, check_images
from tests.datasets.images import png


def unreadable() -> bytes:
    raise UnreadableImageError("cannot be read (it is gone)")


def test_images_are_told_apart_in_order():
    images = [
        RawImage("wide.png", None, lambda: png(size=(5, 2))),
        RawImage("empty.png", None, lambda: b""),
        RawImage("gone.png", "cat", unreadable),
        RawImage("high.png", "dog", lambda: png(size=(2, 5))),
    ] * 5
    assert (
        list(check_images(images))
        == [
            Readable(images[0], 5, 2),
            Rejected("empty.png", "the file is empty"),
            Rejected("gone.png", "cannot be read (it is gone)"),
            Readable(images[3], 2, 5),
        ]
        * 5
    )


def test_leaving_early_reads_no_further():
    read = []

    def reader(number: int):
        return lambda: read.append(number) or png()

    checked = check_images([RawImage(str(number), None, reader(number)) for number in range(5000)])
    next(checked)
    checked.close()
    assert len(read) < 5000
