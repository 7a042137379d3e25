"""Pages of bad shapes, each as large as one likes."""

from __future__ import annotations

from collections.abc import Callable

Shape = Callable[[int], str]
"""The page with so many of what makes it bad."""


def _each(part: str, before: str = "", after: str = "") -> Shape:
    """`part` once for each number, which it may name as {n}."""
    if "{n}" in part:
        return lambda count: before + "".join(part.replace("{n}", str(n)) for n in range(count)) + after
    return lambda count: before + part * count + after


def _nested(part: str, inner: str, depth: int = 150) -> Shape:
    """`inner` so many times, in `depth` of what `part` opens."""
    return lambda count: part * depth + inner * count


HEADS = "<h1>Packages</h1><table><tr><th>Package<th>Status</tr>"
SHAPES: dict[str, Shape] = {
    "attributes of a tag": _each(" a{n}", "<a href=x", ">x</a>"),
    "attributes of tags": lambda n: ("<b " + " ".join(f"a{i}" for i in range(199)) + ">x</b>") * n,
    "tags in a tag": _each("<a b="),
    "quotes in a tag": _each("<a b='"),
    "ends": _each("</p>", "<p>x"),
    "deep": _each("<div>", "", "x"),
    "deep ends": _each("<i><b>"),
    "comments": _each("<!-- -->", "<p>x"),
    "elements": _each("<b>x</b>"),
    "elements in depth": _nested("<div>", "<b>x</b>", 19),
    "depth of texts": lambda n: "<div>" * 190 + "x " * n,
    "a text": _each("x "),
    "a text of letters": _each("ü"),
    "a script": _each("x<y;", "<p>x</p><script>", "</script>"),
    "a style attribute": _each("display : ", "<p style='", "'>x</p>"),
    "a style of spaces": lambda n: f"<p style='{'display' + ' ' * n}'>x</p>",
    "a label": _each("x ", "<a href=x>", "</a>"),
    "a padded Reboot": _each(" ", "<a href=/x>Reboot", ".</a>"),
    "a title": _each("&#173;x ", "<a href=/x title='", "'>y</a>"),
    "labels of letters": _each("<a href=/x>" + "üß" * 400 + "</a>"),
    "hints": lambda n: ("<a href=/x>" + "(ctrl+a)" * 100 + "</a>") * n,
    "plus hints": lambda n: ("<a href=/x>" + " alt +" * 160 + "!</a>") * n,
    "links": _each("<a href=/x?{n}>Instal {n}</a>"),
    "same links": _each("<a href=/x?{n}>Install</a>"),
    "long addresses": lambda n: ("<a href=/" + "x/" * 2_000 + ">y</a>") * n,
    "scripted": _each("<b onclick>Install</b>"),
    "scripted in depth": _nested("<div onclick>", "<b>x</b>"),
    "buttons in depth": _nested("<button>", "<b>x</b>"),
    "buttons": _each("<form action=/x><button name=a value={n}>Install</button></form>"),
    "buttons of a form": lambda n: "<form>" + "<button>Install</button>" * n + "<b></b>" * 15_000,
    "forms of an id": lambda n: "<form id=f></form>" * n + "<input form=f type=submit value=Install>" * 900,
    "labelled by": _each("x ", "<b id=l>", "</b>" + "<a href=/x aria-labelledby='l'></a>" * 2_000),
    "labelled by many": _each("l ", "<b id=l>x</b><a href=/x aria-labelledby='", "'></a>"),
    "labelled dialogs": lambda n: (
        "<b id=l>" + "x " * n + "</b>" + "<div role=dialog aria-labelledby=l></div>" * 2_000
    ),
    "dialogs": _each("<dialog open><h2>x</h2></dialog>"),
    "dialogs in depth": _nested("<dialog open>", "<h2 hidden>x</h2>"),
    "heads": _each("<h1>x</h1>"),
    "labels for": _each("<label for=f></label>", "", "<input id=f>" * 900),
    "labels around": lambda n: "<label>" + "x " * n + "<input type=radio>" * 900,
    "labels around deep": lambda n: "<label>" * 150 + "x " * n + "<input type=radio>" * 900,
    "labels of elements": lambda n: "<label>" + "<b>x</b>" * n + "<input>" * 900,
    "boxes in a line": lambda n: "<b></b>" * n + "<input type=checkbox>" * 900,
    "boxes in lines": lambda n: "<input type=checkbox>x<br>" * 900 + "<b></b>" * n,
    "boxes of a name": lambda n: "<input type=radio name=a>" * 900 + "<b></b>" * n,
    "fieldsets": lambda n: "<fieldset><legend>x</legend>" * 150 + "<input>" * n,
    "cells": lambda n: "<table><tr><td>" + "x " * n + "<td>" + "<input>" * 900,
    "cells of elements": lambda n: "<table><tr><td>" + "<b>x</b>" * n + "<td>" + "<input>" * 900,
    "options": _each("<option>package-{n}", "<select>", "</select>"),
    "selects": _each("<select><option>a<option>b</select>"),
    "alerts": _each("<p role=alert>x</p>"),
    "alerts in depth": _nested("<div role=alert>", "<b>x</b>"),
    "notices": lambda n: "<div role=status>" * 150 + "x " * n,
    "terms": _each("<dl><dt>Imprivata Server<dd>x</dl>"),
    "term": lambda n: "<dl><dt>" + "x " * n + "<dd>y</dl>",
    "tables": _each("<table><tr><th>Package<th>Status</table>", "<h1>Packages</h1>"),
    "tables in depth": lambda n: "<table><tr><th>Package<th>Status<tr><td>" * 45 + "<b>x</b>" * n,
    "tables of rows in depth": lambda n: (
        "<table><tr><th>Package<th>Status<tr><td>" * 40 + "<tr><td>x<td>y" * n
    ),
    "rows": _each("<tr><td>package-{n}<td>x", HEADS),
    "cells of a row": _each("<td>x", HEADS + "<tr>"),
    "heads of a table": _each("<tr><th>Package<th>x<th>y", "<h1>Packages</h1><table>"),
    "boxes of packages": lambda n: (
        HEADS
        + "".join(f"<tr><td><input type=radio name=a>package-{i}<td>x" for i in range(min(n, 199)))
        + "<tr hidden><td>" * n
    ),
    "boxes of a package": lambda n: (
        HEADS
        + "<tr hidden><td>" * n
        + "<tr><td>p<td>x"
        + "<input type=radio>" * 900
        + "".join(f"<tr><td>package-{i}<td>x" for i in range(180))
    ),
    "bases": _each("<base>", "", "<a href=/x>Install</a>" * 900),
    "refresh": _each(" ", "<meta http-equiv=refresh content='", "x'>"),
    "roles": _each("<div role=row><div role=cell>x</div></div>"),
    "roles of rows": lambda n: "<table>" * 40 + "<tr aria-selected=true><td>x" * n,
    "frames": _each("<iframe></iframe>"),
    "entities": _each("&amp;"),
    "controls that no XML holds": _each("\x01\x02", "<p>", "</p>"),
}
