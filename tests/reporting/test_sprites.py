import base64
import io

import numpy as np
import pytest
from PIL import Image

from stages.reporting.sprites import SIDES, jpeg_uri, picture_bytes, share_room, shrink, sprite_sheets, sprite_side

COLOURS = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (250, 250, 10), (10, 250, 250)]


def opened(uri: str) -> Image.Image:
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_pictures_are_where_the_page_looks_for_them() -> None:
    sizes = [(1024, 512) if number % 2 else (100, 1024) for number in range(len(COLOURS))]
    images = (Image.new("RGB", size, colour) for size, colour in zip(sizes, COLOURS, strict=True))
    sprites = sprite_sheets(images, 512, bytes_per_picture=1e6)  # two by two a sheet
    assert (sprites.side, sprites.columns, len(sprites.sheets)) == (512, 2, 2)
    assert sprites.sizes.tolist() == [[50, 512], [512, 256], [50, 512], [512, 256], [50, 512]]
    assert [opened(sheet).size for sheet in sprites.sheets] == [(1024, 1024), (512, 512)]
    for number, colour in enumerate(COLOURS):
        sheet, cell = divmod(number, 4)
        x, y = cell % 2 * 512, cell // 2 * 512
        width, height = sprites.sizes[number]
        picture = opened(sprites.sheets[sheet]).crop((x, y, x + width, y + height))
        for pixel in (picture.getpixel((1, 1)), picture.getpixel((int(width) - 2, int(height) - 2))):
            assert pixel == pytest.approx(colour, abs=20)


def test_a_full_sheet_is_finished_once() -> None:
    assert len(sprite_sheets([Image.new("RGB", (5, 5))], 1024, 1e6).sheets) == 1


def test_noise_is_kept_coarser_so_that_it_fits() -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8))
    fine, coarse = jpeg_uri(noise, 1e9), jpeg_uri(noise, 9000)
    assert len(coarse) <= 9000 < len(fine)
    assert len(jpeg_uri(noise, 1)) > 1  # the lowest quality is the end
    assert opened(coarse).size == (128, 128)


def test_a_small_picture_is_of_the_whole_image_without_its_metadata() -> None:
    image = Image.new("RGB", (400, 100), "red")
    image.info["exif"] = b"Exif\0\0secret"
    picture = opened(jpeg_uri(shrink(image, 64), 1e6))
    assert (picture.format, picture.size) == ("JPEG", (64, 16))
    assert not picture.getexif()
    assert shrink(Image.new("RGB", (1, 900)), 64).size == (1, 64)  # the shorter side keeps a pixel
    assert shrink(Image.new("RGB", (30, 20)), 64).size == (30, 20)  # never larger than it was


def test_more_images_are_smaller() -> None:
    assert sprite_side(1, 1e6) == SIDES[0]
    assert sprite_side(100, 100 * picture_bytes(96)) == 96
    assert sprite_side(101, 100 * picture_bytes(96)) == 64
    assert sprite_side(10**9, 1e6) == SIDES[-1]


@pytest.mark.parametrize("datasets", [1, 2, 7, 40])
@pytest.mark.parametrize("thumbnail", [16, 96, 512])
def test_all_datasets_together_keep_below_thirty_megabytes(datasets: int, thumbnail: int) -> None:
    room = share_room(datasets, thumbnail)
    at_hand = room.tiles + room.mapped
    side = sprite_side(at_hand, room.picture_bytes)
    assert room.mapped >= 1
    assert at_hand < 1 << 16  # places are written with 16 bits
    pictures = room.tiles * picture_bytes(thumbnail) + at_hand * picture_bytes(side)
    assert datasets * pictures < 23.1e6
