"""Which code blocks Split's guide has, and which test shows each of them.

The guide is Split's, and not part of this project: a test is written down as near to its block as it can be run.
Where the guide is at hand (SPLITIO_GUIDE), test_complete.py compares the two, line by line.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

TESTS = Path(__file__).parent.parent
# A block is named by the heading above it, and by its number below all headings of these words.
Name = Tuple[str, int]


class Entry(NamedTuple):
    """Where a block is shown."""

    source: str
    # Lines of the block that are not in `source`, as they stand in the guide: with the reason.
    but: Dict[str, str]
    # The block is no program, but says what something is like: the test looks at that, and lines are not compared.
    describes: bool = False


ENTRIES: Dict[Name, Entry] = {}


def block(heading: str, number: int, but: Optional[Dict[str, str]] = None, describes: bool = False) -> Callable:
    """Marks the test of a block. `but` has lines that it cannot contain, each with the reason."""

    def mark(test: Callable) -> Callable:
        _enter((heading, number), Entry(inspect.getsource(test), but or {}, describes))
        return test

    return mark


def shown_by(
    heading: str, number: int, *files: str, but: Optional[Dict[str, str]] = None, describes: bool = False
) -> None:
    """A block that stands in files of its own, which other tests run."""
    source = "\n".join((TESTS / file).read_text(encoding="utf-8") for file in files)
    _enter((heading, number), Entry(source, but or {}, describes))


def _enter(name: Name, entry: Entry) -> None:
    if ENTRIES.get(name, entry) != entry:
        raise ValueError(f"two tests for {name}")
    ENTRIES[name] = entry


def excused(readme: str) -> Dict[Name, str]:
    """The blocks that cannot run, and why: the rows `| heading | number | reason |` of the README."""
    rows = re.findall(r"^\| (.+?) \| (\d+) \| (.+?) \|$", readme, re.MULTILINE)
    return {(heading, int(number)): reason for heading, number, reason in rows}


def of_guide(text: str) -> Iterator[Tuple[Name, List[str]]]:
    """Each block of the guide, with its lines."""
    heading, seen, lines = "", {}, None
    for line in text.splitlines():
        if line.startswith("```"):
            if lines is None:
                lines = []
                continue
            seen[heading] = seen.get(heading, 0) + 1
            yield (heading, seen[heading]), lines
            lines = None
        elif lines is not None:
            lines.append(line)
        elif re.match(r"#+ ", line):
            heading = line.lstrip("#").strip()


def missing(lines: Sequence[str], entry: Entry) -> List[str]:
    """The lines of a block that its test has neither as they are nor among the exceptions."""
    if entry.describes:
        return []
    source = _bare(entry.source.splitlines())
    return [
        line
        for line in lines
        if line.strip() not in entry.but and _bare([line]) and _bare([line]).rstrip(",") not in source
    ]


def _bare(lines: Sequence[str]) -> str:
    """Code without what does not matter: comments, spaces, the kind of quotes."""
    code = (re.sub(r"(^|\s)#.*", "", line) for line in lines)
    return re.sub(r"\s+", "", "".join(code)).replace("'", '"')
