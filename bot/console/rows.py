"""Tables of a page, read by their headers, and the errors for those that cannot be read. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bot.console.labels import FIELD_TAGS, comparable
from bot.console.pages import Element, Page, cut, elements, text
from bot.console.port import Unrecognized

MAX_ROWS = 200
Columns = tuple[str, str]
"""The headers of two columns: what a row is about, and what it says of that."""


def table_of(page: Page, columns: Columns) -> Element:
    """The one table with these columns. Raises `Unrecognized`."""
    tables = [table for table in elements(page.document, "table") if columns_of(table, columns)]
    if len(tables) != 1:
        raise unclear(page, f"{len(tables)} tables with the columns {columns[0]!r} and {columns[1]!r}")
    return tables[0]


def columns_of(table: Element, wanted: Columns) -> tuple[int, int] | None:
    """Where the two columns stand, told by the table's header; None when it has not exactly one of each."""
    heads = _heads(table, wanted)
    return (heads.index(comparable(wanted[0])), heads.index(comparable(wanted[1]))) if heads else None


def _heads(table: Element, wanted: Columns) -> list[str]:
    """The header cells: the first row that names both columns once; cells of an old table may be no `<th>`."""
    for _, cells in _own_rows(table):
        heads = [comparable(text(cell)) for cell in cells]
        if all(heads.count(comparable(want)) == 1 for want in wanted):
            return heads
    return []


def _own_rows(table: Element) -> Iterator[tuple[Element, list[Element]]]:
    for row in elements(table, "tr"):
        if next(row.iterancestors("table")) is table:
            yield row, [cell for cell in row if cell.tag in ("td", "th")]


def body_of(table: Element, columns: Columns) -> list[tuple[Element, list[Element]]]:
    """The rows below the header, those of a footer left out."""
    rows, heads = list(_own_rows(table)), _heads(table, columns)
    first = next(n for n, (_, cells) in enumerate(rows) if [comparable(text(c)) for c in cells] == heads)
    parents = ((row, cells, row.getparent()) for row, cells in rows[first + 1 :])
    return [(row, cells) for row, cells, parent in parents if parent is None or parent.tag != "tfoot"]


def rows_of(page: Page, table: Element, columns: Columns) -> list[tuple[str, str]]:
    """The two columns' texts, row by row. Raises `Unrecognized` for a row that does not fit, or one named twice."""
    at = columns_of(table, columns)
    assert at is not None
    found: dict[str, str] = {}
    for _, cells in body_of(table, columns):
        spans = any(cell.get("colspan") or cell.get("rowspan") for cell in cells)
        if spans or len(cells) <= max(at) or len(found) >= MAX_ROWS:
            raise unclear(page, f"a row that does not fit the columns {columns[0]!r} and {columns[1]!r}")
        cell = cells[at[0]]
        name = name_of(page, text(cell, alts=False, without=FIELD_TAGS) or text(cell))
        if name in found:
            raise unclear(page, f"{cut(name)!r} twice in one table")
        found[name] = text(cells[at[1]], without=FIELD_TAGS)
    return list(found.items())


def cell_of(page: Page, header: str) -> str | None:
    """The value beside a header in a two-column table or a list of terms, None when none has it."""
    pairs = [
        (cells[0], cells[1])
        for table in elements(page.document, "table")
        for _, cells in _own_rows(table)
        if len(cells) == 2
    ]
    terms = ((dt, next(dt.itersiblings(), None)) for dt in elements(page.document, "dt"))
    pairs += [(dt, dd) for dt, dd in terms if dd is not None and dd.tag == "dd"]
    found = [text(value) for head, value in pairs if comparable(text(head)) == comparable(header)]
    if len(found) > 1:
        raise unclear(page, f"{len(found)} cells {header!r}")
    return found[0] if found else None


def name_of(page: Page, name: str) -> str:
    """A name of the console's, which the ledger may keep: short and printable, or nothing."""
    if not name or len(name) > 200 or not name.isprintable():
        raise unclear(page, f"the name {cut(name)!r}")
    return name


def unclear(page: Page, found: str) -> Unrecognized:
    """The error for a page that shows something that cannot be read."""
    return Unrecognized(f"{page} shows {found}. Look at the console.", page=page.evidence)
