"""The report in a real browser: it asks for nothing, logs nothing, fits a phone, and can be read in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.report.conftest import Place
from tests.report.reading import Page
from tests.report.test_report import HOSTILE
from tools.browser import Browser, find_browser

PROGRAM = find_browser()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed (apt install chromium)"),
]

# Texts whose contrast with what is behind them is below 4.5 (WCAG AA), by the formula of WCAG 2.
FAINT = """(() => {
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (; element; element = element.parentElement) {
      const found = colour(getComputedStyle(element).backgroundColor);
      if (found.length === 3 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  let texts = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!own || element.localName === 'title' || !element.checkVisibility()) continue;
    texts += 1;
    const style = getComputedStyle(element);
    const pair = [colour(element.namespaceURI.endsWith('svg') ? style.fill : style.color), behind(element)].map(light);
    const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (contrast < 4.5) faint.push(`${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return {texts, faint};
})()"""
# Marks of pictures that nobody sees: without area, or outside of their picture.
LOST = """[...document.querySelectorAll('figure svg')].filter(svg => svg.checkVisibility()).map(svg => {
  const box = svg.getBoundingClientRect();
  const marks = [...svg.querySelectorAll('path, text')].map(mark => mark.getBoundingClientRect());
  return {
    name: svg.getAttribute('aria-label'),
    marks: marks.filter(mark => mark.width > 1 && mark.height > 1).length,
    outside: marks.filter(mark => mark.left < box.left - 2 || mark.right > box.right + 2).length,
  };
})"""
HEADINGS = "[...document.querySelectorAll('h1, h2, h3')].map(heading => Number(heading.localName[1]))"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser(str(PROGRAM)) as found:
        yield found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_it_can_be_read_asks_for_nothing_and_logs_nothing(
    browser: Browser, sample_page: Page, width: int, dark: bool
) -> None:
    seen = browser.show(sample_page.path, width, dark=dark)
    assert seen.requests == [sample_page.path.resolve().as_uri()]
    assert seen.messages == []
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    found = browser.evaluate(FAINT)
    assert found["texts"] > 300 and found["faint"] == []
    pictures = browser.evaluate(LOST)
    assert len(pictures) > 5
    assert [picture for picture in pictures if not picture["name"] or not picture["marks"] or picture["outside"]] == []
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 128")
    assert background == dark


def test_headings_are_in_order_and_tables_can_be_reached(browser: Browser, sample_page: Page) -> None:
    browser.show(sample_page.path, 1280)
    levels = browser.evaluate(HEADINGS)
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    tables = "[...document.querySelectorAll('table')].every(t => t.caption.textContent.trim() && t.tHead)"
    assert browser.evaluate(tables)
    links = "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.getAttribute('href')))"
    assert browser.evaluate(links)


def test_on_paper_it_is_light_and_no_picture_is_cut(browser: Browser, sample_page: Page) -> None:
    browser.show(sample_page.path, 718, dark=True, media="print")
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] > 200")
    uncut = "[...document.querySelectorAll('figure')].every(f => getComputedStyle(f).breakInside === 'avoid')"
    assert browser.evaluate(uncut)
    # a picture that is higher than a page would be cut all the same
    heights = browser.evaluate("[...document.querySelectorAll('figure')].map(f => f.getBoundingClientRect().height)")
    assert heights and max(heights) < 900
    assert browser.evaluate("[...document.querySelectorAll('details, nav')].every(e => !e.checkVisibility())")
    assert browser.print().startswith(b"%PDF")


def test_a_hostile_title_runs_nothing(browser: Browser, copy: Place) -> None:
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    copy.change(
        f"update projects set name = {quoted}",
        f"update sessions set title = {quoted}",
        f"update token_usage set model = {quoted}",
        f"update tool_calls set tool_name = {quoted}",
    )
    page = copy.report()
    seen = browser.show(page.path, 1280)
    assert seen.requests == [page.path.resolve().as_uri()]
    assert seen.messages == []
    assert browser.evaluate("document.title").startswith("</title></script><script>document.title = 'run'")
    assert browser.evaluate("document.querySelectorAll('script, img, [onerror]').length") == 0
