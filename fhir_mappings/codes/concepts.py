"""CodeableConcept to codes and a label. FHIR R4 datatypes, CodeableConcept."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from fhir_mappings.codes.systems import canonical_system
from fhir_mappings.facts.clinical import Code

LONGEST_TEXT = 20_000  # characters; no chart names anything at such length, and nobody reads on
_LETTERS = re.compile(r"[^\W\d_]{2}")


class Concept(NamedTuple):
    """A CodeableConcept read once; see `codes_of`, `texts_of` and `damaged`."""

    codes: tuple[Code, ...]
    texts: tuple[str, ...]
    damaged: bool

    @property
    def label(self) -> str:
        """What to show for it: its text, else a display, else a bare code; "" when it says nothing."""
        if self.texts:
            return self.texts[0]
        return self.codes[0].code if self.codes else ""


def read_concept(concept: object) -> Concept:
    texts = texts_of(concept)
    return Concept(codes_of(concept), texts, _damaged(concept, texts))


def codes_of(concept: object) -> tuple[Code, ...]:
    """The codings that have both a system and a code; anything else in their place is passed over."""
    if not isinstance(concept, dict):
        return ()
    codings = concept.get("coding")
    if not isinstance(codings, list):
        return ()
    return tuple(code for code in map(_code, codings) if code is not None)


def _code(coding: Any) -> Code | None:
    if not isinstance(coding, dict):
        return None
    system, code, display = coding.get("system"), coding.get("code"), coding.get("display")
    if not (isinstance(system, str) and isinstance(code, str) and code.strip()):
        return None
    return Code(
        system=canonical_system(system), code=code.strip(), display=display if isinstance(display, str) else ""
    )


def texts_of(concept: object) -> tuple[str, ...]:
    """The texts a person wrote or a system displays: `text` first, then each coding's display.

    What holds no two letters in a row says nothing, and is no text.
    """
    if not isinstance(concept, dict):
        return ()
    codings = concept.get("coding")
    displays = [c.get("display") for c in codings if isinstance(c, dict)] if isinstance(codings, list) else []
    found = [
        text.strip() for text in (concept.get("text"), *displays) if isinstance(text, str) and _LETTERS.search(text)
    ]
    return tuple(dict.fromkeys(found))


def label_of(concept: object) -> str:
    return read_concept(concept).label


def damaged(concept: object) -> bool:
    """Whether a CodeableConcept is not built as FHIR builds it, so that something of it may be lost."""
    return _damaged(concept, texts_of(concept))


def _damaged(concept: object, texts: tuple[str, ...]) -> bool:
    if concept is None:
        return False
    if not isinstance(concept, dict) or not isinstance(concept.get("text", ""), str):
        return True
    codings = concept.get("coding", [])
    longest = max(map(len, texts), default=0)
    return longest > LONGEST_TEXT or not isinstance(codings, list) or not all(map(_whole, codings))


def _whole(coding: Any) -> bool:
    return (
        isinstance(coding, dict)
        and isinstance(coding.get("system", ""), str)
        and isinstance(coding.get("code", ""), str)
        and isinstance(coding.get("display", ""), str)
    )
