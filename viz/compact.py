"""Scripts and style sheets without what only people need: comments, indentation, spaces between signs.

Names stay as they are, so a page's script can still be read; the modules in viz/static are the source.
"""

import re

_BEFORE_REGEX = frozenset("(,=:[!&|?{};\n")


def compact_script(code: str) -> str:
    """An ES module without comments and needless spaces; strings, templates and patterns stay as they are."""
    return "\n".join(filter(None, (line.strip() for line in _Scanner(code).run().split("\n"))))


def compact_css(text: str) -> str:
    """A style sheet without comments and needless spaces."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"\s*([{};,])\s*", r"\1", text).replace(": ", ":").replace(";}", "}").strip()


class _Scanner:
    def __init__(self, code: str) -> None:
        self.code = code
        self.at = 0
        self.out: list[str] = []
        self.depths: list[int] = []  # for each template that is open: braces open in its expression

    def run(self) -> str:
        while self.at < len(self.code):
            self._next(self.code[self.at])
        return "".join(self.out)

    def _next(self, c: str) -> None:
        if self.code.startswith("//", self.at):
            self.at = end if (end := self.code.find("\n", self.at)) >= 0 else len(self.code)
        elif c in "\"'":
            self._copy(re.compile(rf"{c}(?:\\.|[^{c}\\])*{c}"))
        elif c == "/" and self._last() in _BEFORE_REGEX:
            self._copy(re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[])+/[a-z]*"))
        elif c == "`":
            self._template(1)
        elif c == "}" and self.depths and self.depths[-1] == 0:
            self.depths.pop()
            self._template(1)
        elif c == " ":
            self._space()
        else:
            if self.depths and c in "{}":
                self.depths[-1] += 1 if c == "{" else -1
            self._emit(c)

    def _emit(self, text: str) -> None:
        self.out.append(text)
        self.at += len(text)

    def _copy(self, token: re.Pattern[str]) -> None:
        found = token.match(self.code, self.at)
        self._emit(found[0] if found else self.code[self.at])

    def _template(self, skip: int) -> None:
        """Copy the text of a template up to its end or to the next expression in it."""
        found = re.compile(r"(?:\\.|[^`\\$]|\$(?!\{))*(?:`|\$\{)", re.S).match(self.code, self.at + skip)
        text = self.code[self.at : found.end()] if found else self.code[self.at :]
        self._emit(text)
        if text.endswith("${"):
            self.depths.append(0)

    def _last(self) -> str:
        return self.out[-1][-1] if self.out else "\n"

    def _space(self) -> None:
        """Keep a space between two names, and between two signs that would become one."""
        before = self._last()
        self.at += 1
        after = self.code[self.at : self.at + 1]
        names = (before.isalnum() or before in "_$") and (after.isalnum() or after in "_$")
        if names or (before in "+-" and after in "+-"):
            self.out.append(" ")
