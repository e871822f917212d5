"""The page in a real browser, as the person on call would open it."""

from __future__ import annotations

import pytest

SECTIONS = ["flagged", "scores", "evaluation", "health", "calibration", "data", "card"]


@pytest.fixture(scope="module")
def page(full, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(full, encoding="utf-8")
    return path


def complaints(browser) -> list[object]:
    """Console messages, exceptions and log entries since the page was opened."""
    kinds = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    return [(kind, told) for kind, told in browser.events if kind in kinds]


def requests(browser) -> list[str]:
    urls = [
        told["request"]["url"]
        for method, told in browser.events
        if method == "Network.requestWillBeSent"
    ]
    return [url for url in urls if not url.startswith("data:")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_page_opens_without_complaint_or_request(browser, page, width, scheme):
    browser.open(page, width, scheme=scheme)
    assert complaints(browser) == []
    assert requests(browser) == [page.resolve().as_uri()]
    assert browser.value("document.querySelectorAll('script').length") == 0
    shown = browser.value(
        "[...document.querySelectorAll('main > section')].map(s => [s.id, s.offsetHeight > 50])"
    )
    assert shown == [[name, True] for name in SECTIONS]


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser, page, width):
    browser.open(page, width)
    browser.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.value("document.documentElement.scrollWidth") <= width
    # Tables may be wider, inside a box that scrolls.
    outside = browser.value(
        "[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll, svg') && "
        "e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML.slice(0, 80))"
    )
    assert outside == []


@pytest.mark.parametrize("width", [390, 1280])
def test_letters_are_large_enough(browser, page, width):
    browser.open(page, width)
    smallest = browser.value(
        "Math.min(...[...document.querySelectorAll('svg text')].filter(t => t.textContent.trim())"
        ".map(t => t.getBoundingClientRect()).filter(r => r.width > r.height)"
        ".map(r => r.height))"
    )
    assert smallest >= 9
    body = browser.value("parseFloat(getComputedStyle(document.body).fontSize)")
    assert body >= 16


def test_first_screen_answers_the_four_questions(browser, page):
    browser.open(page, 1280, 800)
    bottoms = browser.value(
        "['flagged', 'top', 'health', 'sure'].map(n => "
        "document.getElementById('summary-' + n).getBoundingClientRect().bottom)"
    )
    assert max(bottoms) < 800


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_stand_out_from_the_page(browser, page, scheme):
    browser.open(page, 1280, scheme=scheme)
    for selector in ("p", ".soft", "td", "figure svg text", ".over", ".mark"):
        ratio = browser.value(
            "(() => { const grey = c => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3)"
            ".map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);"
            "return .2126 * r + .7152 * g + .0722 * b; };"
            f"const e = document.querySelector({selector!r}), s = getComputedStyle(e);"
            "const ink = e.closest('svg') ? s.fill : s.color;"
            "const a = grey(ink), b = grey(getComputedStyle(document.body).backgroundColor);"
            "return (Math.max(a, b) + .05) / (Math.min(a, b) + .05); })()"
        )
        assert ratio >= 4.5, selector


def test_names_are_shown_as_they_are(browser, page, hostile):
    browser.open(page, 1280)
    names = browser.value("[...document.querySelectorAll('#data td.name')].map(e => e.textContent)")
    assert hostile in names
    assert "$\\frac{a" in names
    assert "line\\nbreak" in names
    assert browser.value("document.querySelectorAll('img[src=x], b + img').length") == 0
