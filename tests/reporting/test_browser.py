"""The page in a real browser: what a user sees, presses and types."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reporting.browser import CHROMIUM, Browser
from tests.reporting.project import NASTY, make, make_report, write_names

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the PATH"
)
PATHS = [
    *NASTY,
    *(f"folder/{number}.png" for number in range(51)),
]  # 12 of each cluster are on sheets
SHOWN = "[...document.querySelectorAll('.sheet figure')].filter((tile) => tile.checkVisibility()).length"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on 60 images in 3 clusters, of which image i is in cluster i % 3 and labelled by its parity."""
    root = tmp_path_factory.mktemp("project")
    labels = [None, *(number % 2 for number in range(1, 60))]
    make(root, "photos", PATHS, 3, labels=labels, metric="ari")
    write_names(root, "photos", "", "ox-eye daisy", "<i>oak</i>")
    return make_report(root)


@pytest.fixture
def opened(chromium: Browser, page: Path) -> Iterator[Browser]:
    """The page, freshly opened; at the end, whatever was done, nothing was reported and nothing was fetched."""
    chromium.open(page)
    yield chromium
    assert chromium.errors == []
    assert {url.partition(",")[0] for url in chromium.requests} <= {page.as_uri(), "data:image/jpeg;base64"}


def fill(page: Browser, field: str, value: str) -> str:
    """Put a value into a field of the search as typing does; return what the page then says it found."""
    return page.run(
        f"(() => {{ const form = document.querySelector('.search'); form.elements.{field}.value = '{value}';"
        f" form.elements.{field}.dispatchEvent(new Event('input', {{ bubbles: true }}));"
        " return form.querySelector('output').value; })()"
    )


def title(page: Browser) -> str:
    return page.run("document.querySelector('#viewer h2').textContent")


def middle(page: Browser, selector: str) -> tuple[float, float]:
    """Where the middle of an element is in the window, once it has been scrolled into it."""
    x, y = page.run(
        f'(() => {{ const part = document.querySelector("{selector}");'
        " part.scrollIntoView({ block: 'center', behavior: 'instant' });"
        " const box = part.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    return x, y


def drawn(page: Browser, selector: str) -> list[int]:
    """The colour in the middle of a canvas, once something was drawn there."""
    pixel = (
        f'((canvas) => {{ const copy = document.createElement("canvas").getContext("2d", READ);'
        " copy.drawImage(canvas, -canvas.width / 2, -canvas.height / 2);"
        f' return [...copy.getImageData(0, 0, 1, 1).data]; }})(document.querySelector("{selector}"))'
    ).replace("READ", "{ willReadFrequently: true }")
    page.wait(f"{pixel}[3] === 255")
    return page.run(pixel)[:3]


def colour(image: int) -> object:
    """The colour of a test image, as a JPEG keeps it."""
    return pytest.approx([image * 9 % 256, 80, 120], abs=12)


def test_images_show_and_the_rest_is_there(opened: Browser) -> None:
    assert opened.run("[...document.images].filter((image) => !image.naturalWidth).length") == 0
    assert opened.run(SHOWN) == 36
    assert opened.run("document.querySelector('.search').checkVisibility()")
    names = opened.run("[...document.images].map((image) => image.alt)")
    assert set(names) <= set(PATHS)
    assert not opened.run("document.querySelector('#viewer').checkVisibility()")


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("words", "FOLDER/7.PNG", 1),
        ("words", "{{ 7", 1),
        ("words", "elm", 30),  # a label
        ("words", "2", 28),  # cluster 2, or a 2 in the path
        ("words", "elm folder/1", 5),
        ("words", "none such", 0),
        ("words", "Daisy", 20),  # what cluster 1 is called
        ("cluster", "1", 20),
        ("label", "0", 29),
        ("label", "-1", 1),
        ("least", "0.75", 16),  # image i has 1 - i / 60
        ("most", "0.5", 30),
    ],
)
def test_a_search_narrows_the_sheets(field: str, value: str, found: int, opened: Browser) -> None:
    said = fill(opened, field, value)
    shown, more = opened.run(SHOWN), opened.run("document.querySelectorAll('.more li').length")
    assert said == f"{found} of 60 images {'matches' if found == 1 else 'match'}; {shown} on the sheets."
    assert shown + more == found
    opened.run("document.querySelector('.search button').click()")
    opened.wait(f"{SHOWN} === 36")
    assert "36 images on the sheets" in opened.run("document.querySelector('output').value")


def test_conditions_hold_together_and_ticks_count(opened: Browser) -> None:
    fill(opened, "cluster", "1")
    assert fill(opened, "label", "1").startswith("10 of 60")
    opened.run("document.querySelector('.search button').click()")
    opened.run("document.querySelector('[name=astray]').click()")
    # Image i is in cluster i % 3, and has either label by turns: a label's commonest cluster has a third of it.
    said = opened.run("document.querySelector('output').value")
    assert said.startswith("39 of 60")
    opened.run("document.querySelector('[name=boundary]').click()")
    assert opened.run("document.querySelector('output').value") != said


def test_an_image_opens_and_closes_by_keyboard(opened: Browser) -> None:
    opened.run("document.querySelector('.sheet figure').focus()")
    opened.press("ArrowRight")
    first = opened.run("document.activeElement.querySelector('img').alt")
    opened.press("Enter")
    assert opened.run("document.querySelector('#viewer').open")
    assert title(opened) == first == PATHS[3]  # cluster 0 holds the images 0, 3, 6, ..., the most confident first
    assert drawn(opened, ".large") == colour(3)
    opened.press("ArrowRight")
    assert title(opened) == PATHS[6]
    opened.press("ArrowLeft")
    opened.press("ArrowLeft")
    assert title(opened) == PATHS[0]
    opened.press("ArrowLeft")
    assert title(opened) not in (PATHS[0], PATHS[3])  # round to the end
    opened.press("Escape")
    opened.wait("!document.querySelector('#viewer').open")
    assert opened.run("document.activeElement.querySelector('img').alt") == first


def test_what_the_views_say_and_a_neighbour_is_a_step_away(opened: Browser) -> None:
    opened.click(*middle(opened, ".sheet figure"))
    assert title(opened) == PATHS[0]
    spaces = opened.run("[...document.querySelectorAll('.spaces h4 bdi')].map((heading) => heading.textContent)")
    assert spaces == ["Learned by jule/dmvc", "a", "b"]
    assert opened.run("document.querySelectorAll('.spaces .thumbnail').length") == 30
    said = opened.run("document.querySelector('.spaces p').textContent")
    counts = [int(part.split()[0]) for part in said.removeprefix("Of the 10 nearest, ").split(", ")]
    assert sum(counts) == 10
    image = int(opened.run("document.querySelector('.spaces .thumbnail').dataset.image"))
    assert drawn(opened, ".spaces .thumbnail canvas") == colour(image)
    opened.click(*middle(opened, ".spaces .thumbnail"))
    assert title(opened) == PATHS[image]
    assert drawn(opened, ".large") == colour(image)
    opened.click(3, 3)  # beside the dialog
    assert not opened.run("document.querySelector('#viewer').open")


def test_a_dot_of_a_map_shows_its_image(opened: Browser) -> None:
    opened.click(*middle(opened, "[data-space='1'] svg"))  # between dots or on one: nothing may fail
    opened.run("document.querySelector('#viewer').close()")
    assert opened.run("document.querySelector('#hint').hidden") in (True, False)
    middle(opened, "[data-space='1'] svg")
    x, y, cluster = opened.run(
        "(() => { const path = document.querySelector(\"[data-space='1'] .dots path\");"
        " const [, x, y] = path.getAttribute('d').match(/^M([\\d.]+) ([\\d.]+)h0/).map(Number);"
        " const point = new DOMPoint(x, y).matrixTransform(path.getScreenCTM());"
        " return [point.x, point.y, path.getAttribute('class')]; })()"
    )
    opened.move(x, y)
    assert opened.run("document.querySelector('#hint').checkVisibility()")
    name = opened.run("document.querySelector('#hint .file').textContent")
    image = PATHS.index(name)
    assert cluster.startswith(f"k{image % 3} ")
    named = ["", "ox-eye daisy · ", "<i>oak</i> · "][image % 3]
    assert f"{image % 3} {named}confidence" in opened.run("document.querySelector('#hint .where').textContent")
    assert drawn(opened, "#hint canvas") == colour(image)
    opened.click(x, y)
    assert title(opened) == name
    assert named.rstrip(" ·") in opened.run("document.querySelector('#viewer dd').textContent")
    opened.press("Escape")
    opened.move(2, 2)
    opened.wait("document.querySelector('#hint').hidden")


def test_a_map_by_keyboard(opened: Browser) -> None:
    opened.run("document.querySelector(\"[data-space='0'] svg\").focus()")
    seen = set()
    for key in ("ArrowDown", "ArrowUp", "ArrowRight", "ArrowLeft"):
        opened.press(key)
        assert opened.run("document.querySelector('#hint').checkVisibility()")
        seen.add(opened.run("document.querySelector('#hint .file').textContent"))
    assert len(seen) > 1
    name = opened.run("document.querySelector('#hint .file').textContent")
    opened.press("Enter")
    assert title(opened) == name
    opened.press("Escape")
    opened.wait("!document.querySelector('#viewer').open")


@pytest.mark.parametrize("dark", [False, True])
def test_a_small_screen_is_never_wider_than_it_is(dark: bool, chromium: Browser, page: Path) -> None:
    chromium.open(page, width=360, height=700, dark=dark)
    assert chromium.run("innerWidth") == 360
    assert chromium.run("document.documentElement.scrollWidth") == 360
    chromium.tap(*middle(chromium, ".sheet figure"))
    chromium.wait("document.querySelector('#viewer').open")
    assert chromium.run("document.querySelector('#viewer').scrollWidth") <= 360
    assert chromium.run("document.documentElement.scrollWidth") == 360
    red = int(chromium.run("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]"))
    assert (red < 60) == dark
    assert chromium.errors == []


def test_a_first_touch_shows_and_a_second_opens(chromium: Browser, page: Path) -> None:
    chromium.open(page, width=360, height=700)
    middle(chromium, "[data-space='2'] svg")
    x, y = chromium.run(
        "(() => { const path = document.querySelector(\"[data-space='2'] .dots path\");"
        " const [, x, y] = path.getAttribute('d').match(/^M([\\d.]+) ([\\d.]+)h0/).map(Number);"
        " const point = new DOMPoint(x, y).matrixTransform(path.getScreenCTM()); return [point.x, point.y]; })()"
    )
    chromium.tap(x, y)
    chromium.wait("document.querySelector('#hint').checkVisibility()")
    assert not chromium.run("document.querySelector('#viewer').open")
    chromium.tap(x, y)
    chromium.wait("document.querySelector('#viewer').open")
    assert chromium.errors == []


def test_without_a_script_the_page_can_be_read(chromium: Browser, page: Path) -> None:
    chromium.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        chromium.open(page)
        assert chromium.run(SHOWN) == 36
        assert chromium.run("[...document.images].filter((image) => !image.naturalWidth).length") == 0
        assert not chromium.run("document.querySelector('.search').checkVisibility()")
        assert chromium.errors == []
    finally:
        chromium.send("Emulation.setScriptExecutionDisabled", value=False)


def test_another_script_and_every_request_are_forbidden(chromium: Browser, page: Path) -> None:
    chromium.open(page)
    chromium.run(
        "(() => { const other = document.createElement('script'); other.textContent = 'window.ran = true';"
        " document.body.append(other); })()"
    )
    assert chromium.run("window.ran ?? null") is None
    assert chromium.run("fetch('https://localhost/').then(() => 'sent', () => 'refused')") == "refused"
    assert len(chromium.errors) >= 2
