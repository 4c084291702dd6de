"""What docs/ tells people to write, for the tests that run it."""

import re
from functools import cache
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"


@cache
def block(document: str, heading: str, language: str) -> str:
    """The one code block in a language under a heading of a document."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", (DOCS / document).read_text(), re.M | re.S)
    assert found, f"docs/{document} has no heading {heading!r}"
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", found[1], re.M | re.S)
    assert len(blocks) == 1, f"{len(blocks)} blocks of {language} under {heading!r} of docs/{document}"
    return str(blocks[0])
