"""Verify an export of Keyturn's ledger, with nothing of Keyturn's: python verify_ledger.py [--head HASH] [FILE]

Reads JSON lines (`keyturn ledger export`) from FILE or standard input. Prints the count of entries and the head,
exit code 0; or the first entry that does not fit, exit code 1. The format is told in docs/ledger.md.
"""

import argparse
import hashlib
import json
import sys

FIELDS = {"position": int, "stream": str, "version": int, "at": str, "type": str, "schema": int, "data": str}


def verify(lines, announced=None):
    """The count of entries and the head; raises ValueError with the first entry that does not fit."""
    count, head, versions, seen = 0, "0" * 64, {}, announced in (None, "0" * 64)
    for line in lines:
        try:
            entry = json.loads(line)
            values = [entry[name] for name in FIELDS]
            kinds = [type(value) for value in values]
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"entry {count + 1}: its line is not an entry") from None
        if kinds != list(FIELDS.values()):
            raise ValueError(f"entry {count + 1}: holds a value of a wrong kind")
        if entry["position"] != count + 1:
            raise ValueError(f"entry {min(count + 1, entry['position'])}: missing, or moved")
        stored = [str(value).encode("utf-8", "surrogateescape") for value in [head, *values]]
        head = hashlib.sha256(b"".join(b"%d:%b," % (len(field), field) for field in stored)).hexdigest()
        if entry.get("hash") != head or entry["version"] != versions.get(entry["stream"], 0) + 1:
            raise ValueError(f"entry {count + 1}: does not fit the chain of hashes, or its stream")
        versions[entry["stream"]] = entry["version"]
        count, seen = count + 1, seen or head == announced
    if not seen:
        raise ValueError(f"entry {count + 1}: the announced head is not among the {count} entries")
    return count, head


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=argparse.FileType(encoding="utf-8"), default=sys.stdin)
    parser.add_argument("--head", type=lambda text: text.strip().lower())
    asked = parser.parse_args()
    try:
        count, head = verify(asked.file, asked.head)
        print(f"{count} entries verify; head {head}")
    except ValueError as error:
        sys.exit(f"does not verify: {error}")
