"""Every link inside the built site leads somewhere: to a file, and to an anchor that the file has.

The pages of JupyterLite, in lite/, are linked to, but their own links are not ours to check.

python docs/check_links.py docs/_build/html
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """A page's links and anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Collect what a tag links to and what it is called."""
        for name, value in attributes:
            if value and (name in ("href", "src") or (name == "data" and tag == "object")):
                self.links.append(value)
            elif value and name in ("id", "name"):
                self.anchors.add(value)


def broken_links(root: Path) -> list[str]:
    """What is wrong, a line for each link."""
    pages = {path: Page(path) for path in root.rglob("*.html") if path.parts[len(root.parts)] != "lite"}
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            anchor = unquote(parts.fragment)
            if not target.exists():
                found.append(f"{path.relative_to(root)}: {link}: no such file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{path.relative_to(root)}: {link}: no such anchor")
    return sorted(set(found))


if __name__ == "__main__":
    problems = broken_links(Path(sys.argv[1]).resolve())
    print("\n".join(problems) or "every internal link leads somewhere")
    sys.exit(bool(problems))
