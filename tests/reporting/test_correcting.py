"""Corrections by hand in a real browser: the saved file does to the groups what was done by mouse and keys."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from stages.correcting import Corrected, correct, read_rows
from tests.reporting.browser import CHROMIUM, Browser
from tests.reporting.project import NASTY, make, make_report, write_corrected, write_names

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the PATH"
)
PATHS = [*NASTY, *(f"folder/{number}.png" for number in range(51))]
LABELS = np.arange(60) % 3  # image i is in cluster i % 3, which shows 12 of its images, the first ones before all
SAVE = "document.querySelector('[data-do=save]').click()"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    make(root, "photos", PATHS, 3, alike=[(0, "folder/40.png", "yes"), (0, "folder/41.png", "")])
    write_names(root, "photos", "", "ox-eye daisy", "<i>oak</i>")
    return make_report(root)


@pytest.fixture
def opened(chromium: Browser, page: Path) -> Iterator[Browser]:
    """The page, freshly opened and with nothing kept from before, where corrections are made."""
    begin(chromium, page)
    yield chromium
    assert chromium.errors == []
    assert {url.partition(",")[0].partition(":")[0] for url in chromium.requests} <= {"file", "data", "blob"}


def begin(page: Browser, file: Path) -> None:
    page.open(file)
    page.run("localStorage.clear()")
    page.open(file)
    page.asked.clear()
    click(page, ".by-hand")


def middle(page: Browser, selector: str) -> tuple[float, float]:
    """Where the middle of an element is, once it is in the middle of the window."""
    x, y = page.run(
        f"(() => {{ const part = document.querySelector({json.dumps(selector)});"
        " part.scrollIntoView({ block: 'center', behavior: 'instant' });"
        " const box = part.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    return x, y


def click(page: Browser, selector: str) -> None:
    page.click(*middle(page, selector))


def tile(image: int, kind: str = "figure") -> str:
    return f".sheet {kind}[data-image='{image}']"


def focus(page: Browser, image: int) -> None:
    page.run(f'document.querySelector("{tile(image)}").focus()')


def press(page: Browser, *keys: str) -> None:
    for key in keys:
        page.press(key)


def said(page: Browser) -> str:
    """What the bar says: the last change, and how many there are to save."""
    return page.run("document.querySelector('.correct .state').textContent.trim()")


def shown(page: Browser, cluster: int) -> list[int]:
    """The images that a sheet shows."""
    return page.run(
        f"[...document.querySelectorAll(`.sheet[data-cluster='{cluster}'] [data-image]`)]"
        ".filter((tile) => tile.checkVisibility()).map((tile) => Number(tile.dataset.image))"
    )


def saved(page: Browser, folder: Path, labels: np.ndarray = LABELS) -> Corrected:
    """Save the corrections, and apply the file to the clusters of a run."""
    file = page.download(folder, SAVE)
    assert file.name == "photos.csv"
    return correct(PATHS, labels, read_rows(file))


def test_corrections_by_mouse(opened: Browser, tmp_path: Path) -> None:
    for image in (0, 3):
        click(opened, tile(image))
    assert said(opened) == "2 images chosen."
    click(opened, "[data-do=move]")
    choices = "[...document.querySelectorAll('#ask option')].map((choice) => choice.textContent)"
    assert opened.run(choices) == ["1 ox-eye daisy (20 images)", "2 <i>oak</i> (20 images)", "a new group"]
    click(opened, "#ask option[value='2']")
    click(opened, "#ask [type=submit]")
    assert said(opened) == "2 images moved to cluster 2 <i>oak</i>. 1 change, not saved"
    assert shown(opened, 2)[-2:] == [0, 3] and not {0, 3} & set(shown(opened, 0))
    click(opened, tile(7))
    click(opened, "[data-do=aside]")
    assert said(opened) == "1 image set aside. 2 changes, not saved"
    assert shown(opened, -1) == [7]
    click(opened, ".sheet[data-cluster='2'] [data-do=rename]")
    opened.type('a, "b"')
    click(opened, "#ask [type=submit]")
    assert opened.run("document.querySelector('#d1-c2 h3').textContent") == 'Cluster 2: a, "b"'
    click(opened, ".sheet[data-cluster='1'] [data-do=merge]")
    click(opened, "#ask [data-close]")
    assert said(opened).endswith("3 changes, not saved")
    click(opened, ".sheet[data-cluster='1'] [data-do=merge]")
    click(opened, "#ask [type=submit]")
    assert said(opened) == "Cluster 1 is part of cluster 0 now. 4 changes, not saved"
    assert shown(opened, 1) == []
    found = saved(opened, tmp_path)
    expected = np.where(LABELS == 1, 0, LABELS)
    expected[[0, 3, 7]] = 2, 2, -1
    assert found.labels.tolist() == expected.tolist()
    assert found.names == {2: 'a, "b"'}
    assert found.done.skipped == ()
    assert said(opened) == "photos.csv was saved, with all corrections. 4 changes, saved"
    hint = opened.run("document.querySelector('.correct .next').textContent")
    assert "data/corrections/photos.csv" in hint and "dvc repro" in hint


def test_a_group_is_split(opened: Browser, page: Path, tmp_path: Path) -> None:
    """Images go into a new group, which is named and given up; another one joins a group."""
    for image in (0, 4):
        click(opened, tile(image))
    click(opened, "[data-do=move]")
    click(opened, "#ask option[value='new']")
    click(opened, "#ask [type=submit]")
    assert said(opened) == "2 images moved to cluster 3. 1 change, not saved"
    assert shown(opened, 3) == [0, 4]
    assert opened.run("document.querySelector('#d1-c3 .about').textContent") == "A new group · now 2 images"
    click(opened, ".sheet[data-cluster='3'] [data-do=rename]")
    opened.type("mine")
    click(opened, "#ask [type=submit]")
    assert opened.run("document.querySelector('#d1-c3 h3').textContent") == "Cluster 3: mine"
    click(opened, tile(7))
    click(opened, "[data-do=move]")
    choices = "[...document.querySelectorAll('#ask option')].map((choice) => choice.textContent).slice(-2)"
    assert opened.run(choices) == ["3 mine (2 images)", "a new group"]
    click(opened, "#ask option[value='3']")
    click(opened, "#ask [type=submit]")
    opened.open(page)  # what was not saved is there again
    assert shown(opened, 3) == [0, 4, 7]
    assert opened.run("document.querySelector('#d1-c3 h3').textContent") == "Cluster 3: mine"
    found = saved(opened, tmp_path)
    expected = LABELS.copy()
    expected[[0, 4, 7]] = 3
    assert found.labels.tolist() == expected.tolist()
    assert found.names == {3: "mine"} and found.done.skipped == ()
    for _ in range(3):
        click(opened, "[data-do=undo]")
    assert shown(opened, 3) == [] and {0} <= set(shown(opened, 0))
    (tmp_path / "undone").mkdir()
    assert saved(opened, tmp_path / "undone").labels.tolist() == LABELS.tolist()


def test_corrections_by_keyboard(opened: Browser, tmp_path: Path) -> None:
    opened.run("document.querySelector('.by-hand').focus()")
    press(opened, " ", " ")  # off, and on again
    focus(opened, 0)
    press(opened, "ArrowRight", " ", "ArrowRight", " ", "m")
    assert opened.run("document.activeElement.tagName") == "SELECT"
    press(opened, "ArrowDown", "Enter")
    assert said(opened) == "2 images moved to cluster 2 <i>oak</i>. 1 change, not saved"
    on = "Number(document.activeElement.dataset.image)"
    assert opened.run(on) == 9, "3 and 6 have left the sheet: the next one has the focus"
    press(opened, "s")
    assert said(opened) == "1 image set aside. 2 changes, not saved"
    assert opened.run(on) == 12
    press(opened, "r")
    opened.type("weeds")
    press(opened, "Enter")
    assert said(opened) == "Cluster 0 is called weeds now. 3 changes, not saved"
    press(opened, "r", "Escape", "g", "Enter")
    assert said(opened) == "Cluster 0 is part of cluster 1 ox-eye daisy now. 4 changes, not saved"
    press(opened, "u")
    assert said(opened) == "The last change was taken back. 3 changes, not saved"
    focus(opened, 1)
    press(opened, " ", "ArrowRight", " ", "Escape")
    assert opened.run("document.querySelectorAll('[data-image][aria-pressed=true]').length") == 0
    press(opened, "Enter")
    assert opened.run("document.querySelector('#viewer').open"), "Enter still opens an image"
    press(opened, "Escape")
    expected = LABELS.copy()
    expected[[3, 6, 9]] = 2, 2, -1
    found = saved(opened, tmp_path)
    assert found.labels.tolist() == expected.tolist()
    assert found.names == {0: "weeds"}


def test_the_file_means_the_same_groups_in_a_run_with_other_numbers(opened: Browser, tmp_path: Path) -> None:
    focus(opened, 0)
    press(opened, "r")
    opened.type("weeds")
    press(opened, "Enter", "m", "ArrowDown", "Enter")
    found = saved(opened, tmp_path, (LABELS + 1) % 3)
    assert found.names == {1: "weeds"}
    assert found.labels.tolist() == [0, *((LABELS + 1) % 3)[1:]]


def test_an_image_from_a_search_can_be_moved_and_its_last_place_counts(opened: Browser, tmp_path: Path) -> None:
    opened.run(
        "(() => { const { words } = document.querySelector('.search').elements; words.value = 'folder/20.png';"
        " words.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    image = PATHS.index("folder/20.png")
    click(opened, ".more .thumbnail")
    click(opened, "[data-do=move]")
    press(opened, "ArrowDown", "Enter")
    assert shown(opened, 1) == [image]
    click(opened, ".moved .thumbnail")
    click(opened, "[data-do=aside]")
    assert shown(opened, -1) == [image]
    file = opened.download(tmp_path, SAVE)
    assert [row for row in read_rows(file) if row.action != "member"] == [("aside", "", "folder/20.png")]


def test_a_near_duplicate_can_be_set_aside_where_it_is_shown(opened: Browser, tmp_path: Path) -> None:
    click(opened, ".alike li:nth-child(2) figure")
    press(opened, "s")
    assert shown(opened, -1) == [PATHS.index("folder/41.png")]
    assert opened.run("document.querySelectorAll('.alike li:not([hidden])').length") == 2
    opened.run("document.querySelector('.alike figure').focus()")
    press(opened, "r")
    opened.type("twins")
    press(opened, "Enter")
    found = saved(opened, tmp_path)
    assert found.names == {int(LABELS[PATHS.index("folder/40.png")]): "twins"}
    assert found.done.aside == 1


def test_what_is_not_saved_is_kept_and_reported_before_the_page_is_left(
    opened: Browser, page: Path, tmp_path: Path
) -> None:
    focus(opened, 0)
    press(opened, "s", "s")
    assert said(opened).endswith("2 changes, not saved")
    opened.open(page)
    assert opened.asked == ["beforeunload"]
    assert said(opened).endswith("2 changes, not saved")
    assert shown(opened, -1) == [0, 3]
    click(opened, "[data-do=undo]")
    assert saved(opened, tmp_path).done.summary == "1 image set aside"
    opened.open(page)
    assert opened.asked == ["beforeunload"], "which is not asked of what is saved"
    assert said(opened).endswith("1 change, saved"), "until the page is made again, which then has it"
    click(opened, "[data-do=undo]")
    assert said(opened).endswith("0 changes, not saved")
    assert saved(opened, tmp_path).labels.tolist() == LABELS.tolist()


def test_a_corrected_page_shows_what_was_done_and_saves_it_again(chromium: Browser, tmp_path: Path) -> None:
    make(tmp_path, "photos", PATHS, 3)
    file = tmp_path / "corrections.csv"
    members = "".join(
        f"member,{'ab'[number % 3]},folder/{number - 9}.png\n" for number in range(9, 60) if number % 3 < 2
    )
    gone = "member,old,gone.png\nrename,old,x\n"
    file.write_text(
        f"action,group,value\n{members}{gone}rename,a,weeds\nmove,b,folder/0.png\naside,,folder/1.png\n", "utf-8"
    )
    write_corrected(tmp_path, "photos", LABELS, file)
    html = make_report(tmp_path)
    begin(chromium, html)
    assert "Cluster 0: weeds" in chromium.run("document.querySelector('#d1-c0').textContent")
    assert chromium.run("document.querySelector('#d1-c-1 h3').textContent") == "Set aside"
    text = chromium.run("document.querySelector('[aria-labelledby=d1-corrected]').innerText")
    assert "1 image moved, 1 group renamed, 1 image set aside" in text
    assert "both on the 59 images that are in a group" in text
    assert "group 'old': none of its images is there; 1 row not applied" in text
    cells = "[...document.querySelectorAll('[aria-labelledby=d1-corrected] tbody tr')].map((row) => row.innerText)"
    assert chromium.run(cells) == ["before\t0.500\t0.250", "after\t\N{EN DASH}\t0.750"]
    assert chromium.run("document.querySelector('[data-do=save]').disabled")
    focus(chromium, 2)
    press(chromium, "r")
    chromium.type("oak")
    press(chromium, "Enter")
    focus(chromium, 0)
    press(chromium, "r")
    chromium.type("grass")
    press(chromium, "Enter")
    again = chromium.download(tmp_path, SAVE)
    rows = [row for row in read_rows(again) if row.action != "member"]
    assert rows == [
        ("rename", "old", "x"),
        ("move", "b", "folder/0.png"),
        ("aside", "", "folder/1.png"),
        ("rename", "g2", "oak"),
        ("rename", "a", "grass"),
    ]
    found = correct(PATHS, LABELS, read_rows(again))
    assert found.names == {0: "grass", 2: "oak"}
    assert np.flatnonzero(found.labels != LABELS).tolist() == [9, 10]
    assert chromium.errors == []


def test_a_small_screen_is_never_wider_than_it_is(chromium: Browser, page: Path) -> None:
    begin(chromium, page)
    chromium.open(page, width=360, height=700, dark=True)
    click(chromium, ".by-hand")
    chromium.tap(*middle(chromium, ".sheet figure"))
    chromium.wait("document.querySelector('.correct output').value === '1 image chosen.'")
    click(chromium, "[data-do=move]")
    assert chromium.run("document.querySelector('#ask').open")
    assert chromium.run("document.documentElement.scrollWidth") == 360
    assert chromium.errors == []


def test_a_page_without_corrections_has_the_controls_and_nothing_of_them(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    content = json.loads(text.partition('class="store">')[2].partition("</script>")[0])
    assert not {"found", "corrections"} & content.keys()
    assert 'id="d1-corrected"' not in text and "Set aside</h3>" not in text
    assert "run <code>dvc repro</code> again" in text
    alone = page.with_name("alone.html")
    make_report(page.parents[1], f"--page={alone}")
    assert "run <code>manyviews cluster</code> again" in alone.read_text(encoding="utf-8")
