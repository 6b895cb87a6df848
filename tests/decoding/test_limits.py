"""No sound picture is lost to its metadata or its size, and threads that decode share their memory."""

import io
import struct
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile
from PIL import Image

from stages.core.errors import ParameterError
from stages.core.memory import MemoryBudget
from stages.decoding import UnreadableImageError, decode_image, image_size, limits
from tests.datasets.images import RED, encode, png

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8))


def chunk(name: bytes, body: bytes, damage: int = 0) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ damage)


def with_chunks(data: bytes, *chunks: bytes, before_end: bool = False) -> bytes:
    """A PNG with more chunks, behind its header or before its end."""
    place = len(data) - 12 if before_end else 33
    return data[:place] + b"".join(chunks) + data[place:]


@pytest.mark.parametrize("before_end", [False, True])
@pytest.mark.parametrize(
    "odd",
    [
        chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(3_000_000))),
        chunk(b"tEXt", b"Comment\0text", damage=1),
        chunk(b"iCCP", b"profile\0\0nonsense"),
        chunk(b"gAMA", b""),
    ],
)
def test_a_png_is_not_lost_to_its_text_and_profiles(odd, before_end):
    exif = Image.Exif()
    exif[0x0112] = 6
    sound = encode(NOISE, exif=exif)
    decoded = decode_image(with_chunks(sound, odd, before_end=before_end))
    assert decoded.tobytes() == decode_image(sound).tobytes()
    assert decoded.size == (37, 50), "the orientation is kept"


def test_transparency_is_kept_where_text_is_not():
    data = encode(Image.new("L", (1, 1), 7), transparency=7)
    text = chunk(b"tEXt", b"Comment\0text", damage=1)
    assert decode_image(with_chunks(data, text)).getpixel((0, 0)) == (255, 255, 255)


def test_damage_of_the_pixels_is_no_matter_of_metadata():
    text = chunk(b"tEXt", b"Comment\0" + b"x" * 3_000_000)
    data = with_chunks(encode(NOISE), text)
    with pytest.raises(UnreadableImageError, match=r"^damaged \("):
        decode_image(data[:-2000])


@pytest.fixture
def small(monkeypatch):
    """Any picture of more than 500 pixels is a large one."""
    monkeypatch.setattr(limits, "WHOLE_PIXELS", 500)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "JPEG2000"])
def test_a_large_picture_is_decoded_reduced_and_keeps_its_size(form, small):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(NOISE, form, **({"exif": exif} if form in ("PNG", "JPEG") else {}))
    reduced = decode_image(data)
    turned = form in ("PNG", "JPEG")
    assert image_size(data) == ((37, 50) if turned else (50, 37))
    assert reduced.size == ((19, 25) if turned else (25, 19))


def test_a_reduced_picture_is_the_mean_of_its_pixels(small):
    reduced = decode_image(encode(NOISE))
    assert reduced.tobytes() == NOISE.reduce(2).tobytes()
    jpeg = np.asarray(decode_image(encode(NOISE.resize((50, 36)), "JPEG", quality=95))).astype(int)
    assert abs(jpeg - np.asarray(NOISE.resize((50, 36)).reduce(2))).mean() < 12


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "L", "1", "I;16"])
def test_large_pictures_are_decoded_part_by_part(mode, monkeypatch):
    """With the pixels of the whole."""
    image = NOISE.convert("L").convert(mode) if mode == "I;16" else NOISE.convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(NOISE.convert("L"))
    options = {"transparency": 3} if mode == "P" else {}
    whole = decode_image(encode(image, **options))
    monkeypatch.setattr("stages.decoding.decode._AT_ONCE", 120)
    monkeypatch.setattr("stages.decoding.decode._BAND", 120)
    monkeypatch.setattr("stages.decoding.samples._BAND", 120)
    assert decode_image(encode(image, **options)).tobytes() == whole.tobytes()
    monkeypatch.setattr(limits, "WHOLE_PIXELS", 500)
    assert decode_image(encode(image, **options)).tobytes() == whole.reduce(2).tobytes()


def test_the_limit_to_the_pixels_can_be_set(monkeypatch):
    monkeypatch.setenv("MANYVIEWS_MAX_PIXELS", "6")
    assert decode_image(png(size=(3, 2))).size == (3, 2)
    with pytest.raises(
        UnreadableImageError, match=r"^more than 6 pixels; set MANYVIEWS_MAX_PIXELS to allow more$"
    ):
        decode_image(png(size=(4, 2)))


def test_a_picture_that_takes_more_memory_than_all_may_is_refused(monkeypatch):
    monkeypatch.setenv("MANYVIEWS_DECODE_GIB", "0.001")
    with pytest.raises(UnreadableImageError) as caught:
        decode_image(png(size=(1000, 1000)))
    assert str(caught.value) == (
        "decoding it takes 0.0 GiB of memory, and 0.0 GiB are allowed; set MANYVIEWS_DECODE_GIB to allow more"
    )


@pytest.mark.parametrize("name", ["MANYVIEWS_MAX_PIXELS", "MANYVIEWS_DECODE_GIB"])
@pytest.mark.parametrize("text", ["many", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_named(monkeypatch, name, text):
    monkeypatch.setenv(name, text)
    with pytest.raises(
        ParameterError, match=rf"^the environment variable {name} is '{text}'; give a number above 0$"
    ):
        decode_image(png())


class Made:
    pass


def test_bytes_are_held_until_what_was_made_is_gone():
    budget, waiting, order = MemoryBudget(), threading.Event(), []

    def second():
        waiting.set()
        with budget.taking(6, 10):
            order.append("second")

    with budget.taking(6, 10) as keep:
        made = keep(Made())
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
    order.append("first")
    del made
    thread.join()
    assert order == ["first", "second"]


def test_bytes_are_given_back_where_nothing_was_made():
    budget = MemoryBudget()
    with pytest.raises(KeyError), budget.taking(6, 10):
        raise KeyError
    with budget.taking(10, 10):
        pass
    with budget.taking(10, 10):
        pass


def test_who_holds_all_that_there_is_may_go_on(monkeypatch):
    monkeypatch.setattr("stages.core.memory._PATIENCE", 0.01)
    budget, kept = MemoryBudget(), []
    for _ in range(3):
        with budget.taking(10, 10) as keep:
            kept.append(keep(Made()))
    assert len(kept) == 3


def test_no_more_decode_at_once_than_there_is_memory_for():
    budget, lock, now, most = MemoryBudget(), threading.Lock(), 0, 0

    def decode(_):
        nonlocal now, most
        with budget.taking(3, 10):
            with lock:
                now += 1
                most = max(most, now)
            sum(range(20_000))
            with lock:
                now -= 1

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(decode, range(100)))
    assert 1 <= most <= 3


_MEASURE = """
import resource, sys
from concurrent.futures import ThreadPoolExecutor
import imagecodecs, tifffile
from stages.decoding import decode_image, readable_formats
readable_formats()
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ThreadPoolExecutor(8) as pool:
    print(set(pool.map(lambda _: decode_image(data).size, range(8))))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kB on Linux only")
def test_eight_threads_decode_in_2_gib():
    import subprocess

    values = np.zeros((9400, 9518), np.uint16)
    values[::100] = 65535
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, compression="zlib")
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE], input=stream.getvalue(), stdout=subprocess.PIPE, check=True
    )
    size, memory = done.stdout.decode().splitlines()
    assert size == "{(9518, 9400)}" and int(memory) < 2 << 20


@pytest.mark.slow
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(12000, 9000), (16320, 12240)])
def test_photos_of_108_and_200_megapixels(form, size):
    data = encode(Image.new("RGB", size, (10, 200, 90)), form)
    decoded = decode_image(data)
    assert decoded.size == (size[0] // 2, size[1] // 2) and image_size(data) == size
    assert all(
        abs(value - known) <= 3 for value, known in zip(decoded.getpixel((9, 9)), (10, 200, 90), strict=True)
    )


def test_the_colour_of_a_large_picture():
    assert decode_image(png(RED, size=(2000, 1500))).getextrema() == ((255, 255), (0, 0), (0, 0))
