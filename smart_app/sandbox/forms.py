"""Forms, links and text of an HTML page, read with the standard library as a browser would fill them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_SILENT = frozenset({"script", "style", "template", "head"})
_BREAKING = frozenset(
    {"p", "div", "li", "tr", "td", "th", "h1", "h2", "h3", "h4", "dt", "dd", "section", "br", "label", "option"}
)
_UNSENT_INPUTS = frozenset({"submit", "button", "image", "reset", "file"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    text: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A submit button; `action` and `method` are its formaction and formmethod, where it has them."""

    name: str
    value: str
    text: str
    action: str | None = None
    method: str | None = None


@dataclass(slots=True, kw_only=True)
class Form:
    """`fields` are the values as the page sets them; `names` also counts empty choices (unticked boxes)."""

    id: str
    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return set(self.fields) | set(self.choices)


class PageReader(HTMLParser):
    """Collects title, text, links, forms and frames while it reads."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.title = ""
        self.texts: list[str] = []
        self.links: list[Link] = []
        self.forms: list[Form] = []
        self.frames: list[str] = []
        self._open_form: Form | None = None
        self._silent = 0
        self._in_title = False
        self._href: str | None = None
        self._link_text: list[str] = []
        self._button: dict[str, str] | None = None
        self._button_text: list[str] = []
        self._select: dict[str, str] | None = None
        self._options: list[tuple[str, bool]] = []
        self._option: tuple[dict[str, str], list[str]] | None = None
        self._area: tuple[dict[str, str], list[str]] | None = None

    # tags

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag in _SILENT:
            self._silent += 1
        if tag in _BREAKING:
            self.texts.append("\n")
        start = getattr(self, f"_start_{tag}", None)
        if start:
            start(at)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        if tag in _BREAKING:
            self.texts.append("\n")
        end = getattr(self, f"_end_{tag}", None)
        if end:
            end()

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
            return
        for collected in (self._area, self._option):
            if collected:
                collected[1].append(data)
        if self._href is not None:
            self._link_text.append(data)
        if self._button is not None:
            self._button_text.append(data)
        if not self._silent and not self._option and not self._area:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """The visible text, one block a line, spaces folded."""
        lines = (" ".join(line.split()) for line in "".join(self.texts).split("\n"))
        return "\n".join(line for line in lines if line)

    def _start_title(self, _at: dict[str, str]) -> None:
        self._in_title = not self.title

    def _end_title(self) -> None:
        self._in_title = False

    def _start_a(self, at: dict[str, str]) -> None:
        if "href" in at:
            self._href, self._link_text = at["href"], []

    def _end_a(self) -> None:
        if self._href is not None:
            self.links.append(Link(text=_fold(self._link_text), href=self._href))
            self._href = None

    def _start_iframe(self, at: dict[str, str]) -> None:
        self.frames.append(at.get("src", ""))

    # forms

    def _start_form(self, at: dict[str, str]) -> None:
        method = at.get("method", "get").lower()
        self._open_form = Form(id=at.get("id", ""), action=at.get("action", ""), method=method)
        self.forms.append(self._open_form)

    def _end_form(self) -> None:
        self._open_form = None

    def _start_input(self, at: dict[str, str]) -> None:
        kind, name = at.get("type", "text").lower(), at.get("name", "")
        form = self._form_of(at)
        if form is None or "disabled" in at:
            return
        if kind in ("submit", "image"):
            self._add_button(form, at, at.get("value", ""))
        elif name and kind in ("checkbox", "radio"):
            value = at.get("value", "on")
            form.choices.setdefault(name, []).append(value)
            if "checked" in at:
                form.fields.setdefault(name, []).append(value)
        elif name and kind not in _UNSENT_INPUTS:
            form.fields.setdefault(name, []).append(at.get("value", ""))

    def _start_button(self, at: dict[str, str]) -> None:
        if at.get("type", "submit").lower() == "submit" and "disabled" not in at:
            self._button, self._button_text = at, []

    def _end_button(self) -> None:
        if self._button is not None:
            form = self._form_of(self._button)
            if form is not None:
                self._add_button(form, self._button, _fold(self._button_text))
            self._button = None

    def _start_select(self, at: dict[str, str]) -> None:
        self._select, self._options = at, []

    def _start_option(self, at: dict[str, str]) -> None:
        self._end_option()
        self._option = (at, [])

    def _end_option(self) -> None:
        if self._option:
            at, texts = self._option
            self._options.append((at.get("value", _fold(texts)), "selected" in at))
            self._option = None

    def _end_select(self) -> None:
        self._end_option()
        at, self._select = self._select, None
        form = self._form_of(at) if at else None
        if at is None or form is None or not at.get("name") or "disabled" in at:
            return
        form.choices.setdefault(at["name"], []).extend(value for value, _ in self._options)
        chosen = [value for value, selected in self._options if selected]
        if not chosen and self._options and "multiple" not in at:
            chosen = [self._options[0][0]]
        if chosen:
            form.fields.setdefault(at["name"], []).extend(chosen)

    def _start_textarea(self, at: dict[str, str]) -> None:
        self._area = (at, [])

    def _end_textarea(self) -> None:
        if self._area:
            at, texts = self._area
            self._area = None
            form = self._form_of(at)
            if form is not None and at.get("name") and "disabled" not in at:
                form.fields.setdefault(at["name"], []).append("".join(texts).removeprefix("\n"))

    def _form_of(self, at: dict[str, str]) -> Form | None:
        """The form around an element, or the one its `form` attribute names."""
        if "form" in at:
            return next((one for one in self.forms if one.id == at["form"]), None)
        return self._open_form

    def _add_button(self, form: Form, at: dict[str, str], text: str) -> None:
        form.buttons.append(
            Button(
                name=at.get("name", ""),
                value=at.get("value", ""),
                text=text,
                action=at.get("formaction"),
                method=at.get("formmethod"),
            )
        )


def _fold(texts: list[str]) -> str:
    return " ".join("".join(texts).split())
