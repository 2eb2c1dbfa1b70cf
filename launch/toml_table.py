"""Values out of one table of a TOML file, and every complaint about them, so that all can be told at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any


class TomlTable:
    """One table being read. What was wrong is a complaint and counts as left out: look at `problems` at the end."""

    def __init__(self, title: str, table: Mapping[str, Any], forms: Mapping[str, str]) -> None:
        """`title` as people see it, "[ehr.north]". `forms`: every key that is known, and what it takes."""
        self.title = title
        self.problems: list[str] = []
        self._left = dict(table)
        self._forms = forms

    def complain(self, key: str, complaint: str) -> None:
        wanted = f"; it takes {self._forms[key]}" if key in self._forms else ""
        self.problems.append(f"{self.title} {plain(key)} {complaint}{wanted}")

    def refuse_the_rest(self) -> None:
        """Complain about every key that nobody took."""
        for key in self._left:
            near = get_close_matches(key, self._forms, n=1)
            meant = f"; did you mean {near[0]}?" if near and near[0] != key else ""
            self.complain(key, f"is not a key the app knows{meant}")

    def take(self, key: str, default: Any = None) -> Any:
        return self._left.pop(key, default)

    def text(self, key: str, *, needed: bool = False) -> str | None:
        value = self.take(key)
        if isinstance(value, str) and value and value.isprintable() and value == value.strip():
            return value
        if value is not None:
            self.complain(key, "is not a plain text")
        elif needed:
            self.complain(key, "is missing")
        return None

    def choice(self, key: str, words: Collection[str], *, needed: bool = False) -> str | None:
        value = self.text(key, needed=needed)
        if value is None or value in words:
            return value
        self.complain(key, f"is none of {', '.join(words)}")
        return None

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.take(key, default)
        if not isinstance(value, bool):
            self.complain(key, "is neither true nor false")
        return value is True

    def number(self, key: str, *, least: int, most: int) -> int | None:
        value = self.take(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self.complain(key, f"is not a whole number from {least} to {most}")
            return None
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.take(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.complain(key, "is not a list of texts")
            return ()
        return tuple(value)

    def words_by(self, key: str) -> dict[str, str]:
        """A table inside the table, names to words."""
        value = self.take(key, {})
        if not isinstance(value, dict) or not all(isinstance(word, str) and word for word in value.values()):
            self.complain(key, "is not a table of texts")
            return {}
        return dict(value)


def plain(text: str) -> str:
    """Fit for a terminal: a file may hold control characters."""
    return text if text.isprintable() else repr(text)
