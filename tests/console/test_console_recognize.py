"""From pages to the domain's values: tables of cases, and properties over any words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console import recognize
from bot.console.controls import offers
from bot.console.pages import Page, PageKind, text
from bot.console.port import Unrecognized
from bot.console.profile import load_profile
from bot.domain.sight import Activity, PackageState, ServerState, WorkState
from tests.console.test_console_controls import a_page

PROFILE = load_profile()
HEAD = "<tr><th>Package</th><th>Type</th><th>Size</th><th>Status</th></tr>"
WORK = "<tr><th>Appliance</th><th>Status</th></tr>"


def packages(rows: str = "", panel: str = "") -> recognize.PackagesSight:
    return recognize.packages(packages_page(rows, panel), PROFILE)


def packages_page(rows: str = "", panel: str = "") -> Page:
    return a_page(f"<h1>Packages</h1>{panel}<table>{HEAD}{rows}</table>", PageKind.PACKAGES)


def row(name: str, status: str) -> str:
    return f"<tr><td><label><input type=radio>{name}</label></td><td>t</td><td>s</td><td>{status}</td></tr>"


def panel(what: str, *rows: tuple[str, str], more: str = "") -> str:
    cells = "".join(f"<tr><td>{name}</td><td>{status}</td></tr>" for name, status in rows)
    return f"<section><h2>{what}</h2><table>{WORK}{cells}</table>{more}</section>"


DONE = "<form method=post><button>Done</button></form>"


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ("Uploaded", PackageState.UPLOADED),
        (" distributing ", PackageState.DISTRIBUTING),
        ("<b>Distributed</b>", PackageState.DISTRIBUTED),
        ("Installing", PackageState.INSTALLING),
        ("Installed", PackageState.INSTALLED),
        ("Error", PackageState.ERROR),
        ("Error: 1603", PackageState.ERROR),
        ("Installed with warnings", PackageState.UNRECOGNIZED),
        ("Errors: 0", PackageState.UNRECOGNIZED),
        ("", PackageState.UNRECOGNIZED),
    ],
)
def test_package_states(words: str, state: PackageState) -> None:
    (package,) = packages(row("p-1", words)).packages
    assert (package.name, package.state) == ("p-1", state)
    assert package.words == words.strip().replace("<b>", "").replace("</b>", "")


@pytest.mark.parametrize(
    ("words", "state", "percent"),
    [
        ("Waiting", WorkState.WAITING, None),
        ("Copying 40%", WorkState.WORKING, 40),
        ("Installing  100 %", WorkState.WORKING, 100),
        ("Installing 101%", WorkState.UNRECOGNIZED, None),
        ("Installing", WorkState.UNRECOGNIZED, None),
        ("Complete", WorkState.DONE, None),
        ("Installed", WorkState.DONE, None),
        ("Error: disk", WorkState.ERROR, None),
        ("Rolling back", WorkState.UNRECOGNIZED, None),
    ],
)
def test_work_rows(words: str, state: WorkState, percent: int | None) -> None:
    (seen,) = packages(panel=panel("Installation of p-1", ("a1", words))).rows
    assert (seen.appliance, seen.state, seen.percent) == ("a1", state, percent)
    assert seen.words == " ".join(words.split())


@pytest.mark.parametrize(
    ("rows", "panels", "expected"),
    [
        (row("p-1", "Installed"), "", (Activity.IDLE, None, False)),
        ("", panel("Distribution of p-1", ("a", "Waiting")), (Activity.DISTRIBUTING, "p-1", False)),
        (
            "",
            panel("Distribution of p-1", ("a", "Complete"), more=DONE),
            (Activity.DISTRIBUTING, "p-1", True),
        ),
        ("", panel("Installation of p-1", ("a", "Installed")), (Activity.INSTALLING, "p-1", False)),
        (
            "",
            panel("Installation of p-1", ("a", "Installed"), more=DONE),
            (Activity.INSTALLING, "p-1", False),
        ),
        ("", "<section><h2>Installation of p-1</h2></section>", (Activity.INSTALLING, "p-1", False)),
        (row("p-1", "Distributing"), "", (Activity.DISTRIBUTING, "p-1", False)),
        (
            row("p-1", "Installing"),
            panel("Installation of p-1", ("a", "Waiting")),
            (Activity.INSTALLING, "p-1", False),
        ),
        (
            row("p-1", "Installing"),
            panel("Installation of p-2", ("a", "Waiting")),
            (Activity.UNRECOGNIZED, None, False),
        ),
        (row("p-1", "Installing") + row("p-2", "Distributing"), "", (Activity.UNRECOGNIZED, None, False)),
        (
            "",
            panel("Installation of p-1", ("a", "Waiting")) + panel("Installation of p-1", ("a", "Waiting")),
            (Activity.UNRECOGNIZED, None, False),
        ),
        ("", panel("Removal of p-1", ("a", "Waiting")), (Activity.UNRECOGNIZED, None, False)),
        ("", DONE, (Activity.UNRECOGNIZED, None, False)),
    ],
)
def test_what_goes_on(rows: str, panels: str, expected: tuple[Activity, str | None, bool]) -> None:
    seen = packages(rows, panels)
    assert (seen.activity, seen.subject, seen.finished) == expected
    assert bool(seen.reason) == (seen.activity is Activity.UNRECOGNIZED)


@pytest.mark.parametrize(
    "html",
    [
        "<h1>Packages</h1>",
        f"<h1>Packages</h1><table>{HEAD}</table><table>{HEAD}</table>",
        "<h1>Packages</h1><table><tr><th>Package</th><th>State</th></tr></table>",
        "<h1>Packages</h1><table><tr><th>Package</th><th>Status</th><th>Status</th></tr></table>",
        f"<h1>Packages</h1><table>{HEAD}<tr><td>p</td><td>t</td></tr></table>",
        f"<h1>Packages</h1><table>{HEAD}<tr><td colspan=3>p</td><td>t</td><td>s</td><td>s</td></tr></table>",
        f"<h1>Packages</h1><table>{HEAD}{row('p', 'Installed')}{row('p', 'Uploaded')}</table>",
        f"<h1>Packages</h1><table>{HEAD}{row('', 'Installed')}</table>",
        f"<h1>Packages</h1><table>{HEAD}{row('p' * 201, 'Installed')}</table>",
        f"<h1>Packages</h1><table>{HEAD}{''.join(row(f'p{n}', 'x') for n in range(201))}</table>",
        f"<h1>Packages</h1>{panel('Installation of p', ('a', 'Waiting'), ('a', 'Waiting'))}<table>{HEAD}</table>",
    ],
)
def test_a_packages_page_that_is_not_as_the_profile_says(html: str) -> None:
    with pytest.raises(Unrecognized):
        recognize.packages(a_page(html, PageKind.PACKAGES), PROFILE)


def test_columns_are_found_by_their_header_in_any_order() -> None:
    head = "<tr><th>status</th><th>New</th><th>PACKAGE</th></tr>"
    html = f"<h1>Packages</h1><table>{head}<tr><td>Installed</td><td></td><td>p</td></tr></table>"
    (package,) = recognize.packages(a_page(html, PageKind.PACKAGES), PROFILE).packages
    assert (package.name, package.state) == ("p", PackageState.INSTALLED)


@pytest.mark.parametrize(
    "html",
    [
        "<tr><td>Package</td><td>Status</td></tr>",
        "<tr><td><b>package…</b></td><td><a href=/sort>Status <i aria-hidden=true>v</i></a></td></tr>",
        "<caption>All</caption><thead><tr><th colspan=2>All</th></tr><tr><th>Package</th><th>Status ▾</th></tr>",
    ],
)
def test_a_header_is_told_by_its_words(html: str) -> None:
    rows = "<tr><td><img alt=IPM> <a href=/x>p</a> <select><option>1</select></td>"
    rows += "<td>Installed <button>x</button></td></tr>"
    foot = "<tfoot><tr><td colspan=2>1 package</td></tr></tfoot>"
    page = a_page(f"<h1>Packages</h1><table>{html}{rows}{foot}</table>", PageKind.PACKAGES)
    (package,) = recognize.packages(page, PROFILE).packages
    assert (package.name, package.state) == ("p", PackageState.INSTALLED)
    assert text(recognize.package_rows(page, PROFILE)["p"]).startswith("IPM p")


def test_levels() -> None:
    head = "<tr><th>Appliance</th><th>Type</th><th>Release</th></tr>"
    rows = "<tr><td>a</td><td>db</td><td>24.1 HF3</td></tr><tr><td>b</td><td>s</td><td> </td></tr>"
    page = a_page(f"<h1>Enterprise</h1><table>{head}{rows}</table>", PageKind.ENTERPRISE)
    assert recognize.levels(page, PROFILE) == {"a": "24.1 HF3", "b": None}


@pytest.mark.parametrize(
    ("cell", "state"),
    [("Running", ServerState.RUNNING), ("down", ServerState.DOWN), ("Starting", ServerState.UNRECOGNIZED)],
)
@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><th>Imprivata Server</th><td>{}</td></tr></table>",
        "<table><tr><td>Imprivata server:</td><td>{}</td></tr><tr><td>Other</td><td>Down</td></tr></table>",
        "<dl><dt>Uptime</dt><dd>Down</dd><dt>Imprivata Server</dt><dd>{}</dd></dl>",
    ],
)
def test_server(cell: str, state: ServerState, html: str) -> None:
    page = a_page("<h1>Operations</h1>" + html.format(cell), PageKind.OPERATIONS)
    assert recognize.server(page, PROFILE) is state


@pytest.mark.parametrize("cells", ["", "<tr><th>Imprivata Server</th><td>Running</td></tr>" * 2])
def test_server_not_told_or_told_twice(cells: str) -> None:
    with pytest.raises(Unrecognized):
        recognize.server(a_page(f"<h1>Operations</h1><table>{cells}</table>", PageKind.OPERATIONS), PROFILE)


def test_errors_lock_and_expiry() -> None:
    page = a_page(
        "<p role=alert>Disk   full</p><p role=alert> </p><p role=alert>Disk full</p><p role=alert hidden></p>"
        "<p role=status>Note: ENTERPRISE LOCK held</p>"
    )
    assert recognize.errors(page, PROFILE) == ("Disk full",)
    assert recognize.locked(page, PROFILE)
    assert not recognize.locked(a_page("<p>Enterprise lock</p><p role=status>System Lockdown</p>"), PROFILE)
    assert recognize.expired(a_page("<p>Your session has expired.</p>"), PROFILE)


def test_a_product_name_as_every_heading_is_no_sign_in_page() -> None:
    html = "<h1>Imprivata Appliance Console</h1>"
    page = a_page(html)
    assert recognize.kind_of(page.document, page.heading, PROFILE) is PageKind.OTHER
    page = a_page(html + "<input type=password>")
    assert recognize.kind_of(page.document, page.heading, PROFILE) is PageKind.SIGN_IN


PRODUCT = "<h1>Imprivata Appliance Console</h1>"


@pytest.mark.parametrize(
    ("html", "heading", "kind"),
    [
        ("<h1>Packages</h1>", "Packages", PageKind.PACKAGES),
        (PRODUCT + "<h1>Packages</h1>", "Packages", PageKind.PACKAGES),
        (PRODUCT + PRODUCT, "Imprivata Appliance Console", PageKind.OTHER),
        ("<h1>Logs <small>appliance-1</small></h1>", "Logs", PageKind.LOGS),
        ("<h1><small>Logs</small></h1>", "Logs", PageKind.LOGS),
        ("<h2>Packages</h2>", "", PageKind.OTHER),
        ("<h1>Service Advisory</h1><h2>Packages</h2>", "Service Advisory", PageKind.OTHER),
        (PRODUCT + "<h1>Packages</h1><h1>Logs</h1>", "", PageKind.OTHER),
        ("<h1>Packages</h1><dialog open><h3>Distribute</h3></dialog>", "Distribute", PageKind.DISTRIBUTE),
        ("<h1>Packages</h1><dialog><h3>Distribute</h3></dialog>", "Packages", PageKind.PACKAGES),
        ("<h1>Packages</h1><div role=dialog aria-label=Distribute></div>", "Distribute", PageKind.DISTRIBUTE),
        ("<h1>Packages</h1><div role=dialog aria-label=Hint></div>", "Packages", PageKind.PACKAGES),
        (
            "<h1>Packages</h1><div role=dialog hidden aria-label=Distribute></div>",
            "Packages",
            PageKind.PACKAGES,
        ),
        ("<dialog open><h2>Distribute</h2></dialog><dialog open><h2>Logs</h2></dialog>", "", PageKind.OTHER),
        (
            "<div aria-hidden=true><h1>Packages</h1></div><div role=dialog><h1>Distribute</h1></div>",
            "Distribute",
            PageKind.DISTRIBUTE,
        ),
    ],
)
def test_what_one_stands_on(html: str, heading: str, kind: PageKind) -> None:
    document, found = recognize.stands_on(a_page(html).document, PROFILE)
    assert (found, recognize.kind_of(document, found, PROFILE)) == (heading, kind)


def test_behind_a_dialog_nothing_is_found_and_errors_are() -> None:
    dialog = "<dialog open><h2>IPM Information</h2><a href=/y>Go</a></dialog>"
    whole = a_page("<p role=alert>Disk full</p><a href=/x>Install</a>" + dialog)
    document, _ = recognize.stands_on(whole.document, PROFILE)
    page = replace(whole, document=document)
    assert not offers(page, "Install")
    assert offers(page, "Go")
    assert recognize.errors(page, PROFILE) == ("Disk full",)


def ipm(cells: str, radios: str) -> str:
    return f"<h1>IPM Information</h1><table>{cells}</table><form>{radios}<button>Install</button></form>"


ALL = "<label><input type=radio name=r checked>Install IPM on all appliances</label>"


def test_ipm_information() -> None:
    cells = "<tr><th>Name</th><td>p-1</td></tr><tr><th>Release</th><td>24.1 HF9</td></tr>"
    seen = recognize.ipm_information(a_page(ipm(cells, ALL), PageKind.IPM_INFORMATION), PROFILE)
    assert (seen.package, seen.level, seen.all_selected) == ("p-1", "24.1 HF9", True)
    bare = ipm("<tr><th>Name</th><td>p-1</td></tr>", ALL.replace(" checked", ""))
    seen = recognize.ipm_information(a_page(bare, PageKind.IPM_INFORMATION), PROFILE)
    assert (seen.level, seen.all_selected) == (None, False)
    listed = ALL.replace("type=radio", "type=checkbox")
    assert recognize.ipm_information(
        a_page(ipm(cells, listed), PageKind.IPM_INFORMATION), PROFILE
    ).all_selected
    for html in (ipm("", ALL), ipm(cells, ""), ipm(cells, ALL + ALL)):
        with pytest.raises(Unrecognized):
            recognize.ipm_information(a_page(html, PageKind.IPM_INFORMATION), PROFILE)


KNOWN_WORDS = {word.casefold() for words in PROFILE.package_words.values() for word in words}


@given(st.text(max_size=1000))
def test_any_word_is_kept_cut_and_never_success_or_failure(words: str) -> None:
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace("\x00", "")
    (package,) = packages(row("p-1", escaped)).packages
    assert len(package.words) <= 300
    known = package.words.casefold().rstrip(": ") in KNOWN_WORDS or package.words.casefold().startswith(
        "error"
    )
    assert known or package.state is PackageState.UNRECOGNIZED


@given(st.text(max_size=500), st.sampled_from(PageKind))
def test_no_page_breaks_the_recognition(html: str, kind: PageKind) -> None:
    try:
        page = a_page(html + "<h1>x</h1>", kind)
    except ValueError:
        return
    for read in (recognize.packages, recognize.levels, recognize.server, recognize.ipm_information):
        with pytest.raises(Unrecognized):
            read(page, PROFILE)
