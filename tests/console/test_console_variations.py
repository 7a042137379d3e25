"""However a page marks up one control, the same request is found; with a second one of that label, none."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console import controls
from bot.console.port import Unrecognized
from tests.console.test_console_controls import a_page, request

LABELS = ("Distribute", "Upload Imprivata Package", "Done", "Log In", "Exportér logs")
FORM = "<form method=post action=/do><input type=hidden name=t value=1>{}</form>"

# A link, a button and an image button, each made in several ways: {} is the label, {v} the label in an attribute.
LINKS = [
    "<a href=/do?t=1>{}</a>",
    "<a href='https://console:81/do?t=1#top' target=_blank>{}</a>",
    "<a href=/do?t=1><span><b>{}</b></span></a>",
    "<a href=/do?t=1 title='{v}'><i class=icon></i></a>",
    "<a href=/do?t=1 aria-label='{v}'>»</a>",
    "<a href=/do?t=1><img src=x alt='{v}'></a>",
    "<a href=/do?t=1><img src=x title='{v}'></a>",
    "<a href=/do?t=1 role=tab aria-selected=false>{}</a>",
    "<ul role=tablist><li role=tab>\n<a href=/do?t=1>{}</a></li></ul>",
    "<ul role=menu><li role=menuitem onclick=go()><a href=/do?t=1>{}</a></li></ul>",
    "<a href=/do?t=1><span role=button tabindex=0>{}</span></a>",
    "<map name=m><area href=/do?t=1 alt='{v}'></map>",
]
BUTTONS = [
    "<button>{}</button>",
    "<button type=SUBMIT role=button><span>{}</span></button>",
    "<input type=submit value='{v}'>",
    "<button title='{v}'><img src=x></button>",
    "<button aria-label='{v}'><svg></svg></button>",
    "<table><tr><td>x</td><td><button>{}</button></td></tr></table>",
]
IMAGES = ["<input type=image alt='{v}' src=x>", "<input type=image title='{v}' src=x>"]

# What may stand around a control, and after it, without changing what it is.
AROUND = [
    "{}",
    "<div><p>{}</p></div>",
    "<section><h2>Tools</h2>{}</section>",
    "<dialog open>{}</dialog>",
    "<div role=dialog aria-label='A window'>{}</div>",
    "<nav><ul><li>{}</li></ul></nav>",
    "<table><tr><td>{}</td></tr></table>",
    "{}<p>Distribute. Done. Log In.</p><script>'<a href=/do>Done</a>'</script>",
    "{}<a href=/other>Other</a><form><button>Another</button></form>",
    "{}<div hidden><a href=/x>Distribute</a><a href=/x>Done</a><a href=/x>Log In</a></div>",
]
DRESS = ["{}", "{}…", "{}...", "{}:", "{} (Alt+X)", "&{}", "  {}\u00a0 ", "\u25b8 {}"]


def by(case: str, label: str) -> str:
    return {"upper": label.upper(), "lower": label.lower(), "same": label}[case]


def written(ways: list[str], whole: str) -> st.SearchStrategy[tuple[str, str]]:
    """A label, and the markup of one control that is called so, dressed and wrapped in some way."""

    def build(label: str, way: str, dress: str, case: str, around: list[str]) -> tuple[str, str]:
        shown = escape(dress.format(by(case, label)))
        html = whole.format(way.replace("{v}", shown.replace("'", "&#39;")).replace("{}", shown))
        for wrapping in around:
            html = wrapping.replace("{}", html)
        return label, html

    return st.builds(
        build,
        st.sampled_from(LABELS),
        st.sampled_from(ways),
        st.sampled_from(DRESS),
        st.sampled_from(["upper", "lower", "same"]),
        st.lists(st.sampled_from(AROUND), max_size=3),
    )


ways = [
    pytest.param(LINKS, "{}", ("GET", "https://console:81/do?t=1", []), id="link"),
    pytest.param(BUTTONS, FORM, ("POST", "https://console:81/do", [("t", "1")]), id="button"),
    pytest.param(
        IMAGES, FORM, ("POST", "https://console:81/do", [("t", "1"), ("x", "1"), ("y", "1")]), id="image"
    ),
]


@pytest.mark.parametrize(("ways", "whole", "expected"), ways)
@given(data=st.data())
def test_the_same_request_is_found_however_it_is_written(
    ways: list[str], whole: str, expected: tuple[str, str, list[tuple[str, str]]], data: st.DataObject
) -> None:
    label, html = data.draw(written(ways, whole))
    assert request(controls.action(a_page(html), label)) == expected


@pytest.mark.parametrize(("ways", "whole", "expected"), ways)
@given(
    data=st.data(),
    second=st.sampled_from([*LINKS, *(FORM.replace("{}", way) for way in [*BUTTONS, *IMAGES])]),
)
def test_a_second_one_stops_even_with_the_same_request(
    ways: list[str], whole: str, expected: object, data: st.DataObject, second: str
) -> None:
    label, html = data.draw(written(ways, whole))
    other = second.replace("{v}", label).replace("{}", label)
    with pytest.raises(Unrecognized, match="has 2 of the") as unclear:
        controls.action(a_page(html + other), label)
    assert len(unclear.value.near) == 2
