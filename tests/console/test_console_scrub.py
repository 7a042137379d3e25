"""Taking secrets out of pages, whatever the page holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.console import scrub
from bot.console.pages import parse, text

SECRET = "p&ss <word>"


def kept(html: str) -> str:
    return scrub.evidence(parse(html.encode(), "utf-8"), [SECRET]).decode()


def test_secrets_tokens_and_scripts_are_taken_out_and_the_rest_stays() -> None:
    page = kept(
        "<meta name=csrf content=tok1><p title='p&amp;ss &lt;word>'>Hello p&amp;ss &lt;word></p>"
        "<a href='/x;jsessionid=tok2?a=tok3&amp;b=tok4'>go</a><form action='/y?c=tok5'>"
        "<input type=hidden name=n value=tok6><input type=password value=tok7><input value=seen>"
        "<script>var t = 'tok8'</script></form>"
    )
    assert "tok" not in page
    assert "<word" not in page
    assert "&lt;word" not in page
    for rest in ("Hello", "go", "/x?a=", "seen", "csrf", 'name="n"'):
        assert rest in page


def test_a_page_goes_on_working_when_its_text_is_cleaned() -> None:
    document = parse(b"<a href='/x?sid=longsecret'>longsecret</a><p>a longsecret b</p>", "utf-8")
    scrub.redact_text(document, ["longsecret"])
    assert text(document) == "[taken out] a [taken out] b"
    assert next(document.iter("a")).get("href") == "/x?sid=longsecret"


@given(st.text(max_size=200), st.text(max_size=200))
def test_no_text_breaks_it(inside: str, attribute: str) -> None:
    page = f"<p title='{attribute}'>{inside} {SECRET} &#7;&#0;\x07</p>".encode("utf-8", "replace")
    document = parse(page, "utf-8")
    scrub.redact_text(document, [SECRET])
    assert SECRET not in "".join(str(piece) for piece in document.itertext())
    assert scrub.evidence(document, [SECRET])
