"""What the readers note beside the facts: gaps, entries left out on purpose, dates after the as-of date."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from fhir_mappings.facts.clinical import Area, Gap, Ignored, PartialDate
from fhir_mappings.reading import elements
from fhir_mappings.reading.elements import Json

Fact = TypeVar("Fact")


class Notes:
    """Collects while a chart is read. `as_of` is the day of the screening: later dates are listed, not used.

    `now` is the moment of the screening where it is known. An instant that has passed is not in the future, though
    its own offset may call it tomorrow: an EHR that writes UTC does so every evening west of Greenwich. It counts
    for the day of the screening, since dropping it could hide a reading that was just taken.
    """

    def __init__(self, as_of: date, now: datetime | None = None) -> None:
        self.as_of = as_of
        self.now = now
        self.gaps: list[Gap] = []
        self.ignored: list[Ignored] = []
        self._worked_out: dict[Hashable, Any] = {}

    def once(self, key: Hashable, build: Callable[[], Fact]) -> Fact:
        """What entries have in common, worked out once for this chart and forgotten with it."""
        if key not in self._worked_out:
            self._worked_out[key] = build()
        found: Fact = self._worked_out[key]
        return found

    def gap(self, area: Area, resource: Json, reason: str) -> None:
        self.gaps.append(Gap(area=area, reference=elements.reference_of(resource), reason=reason))

    def ignore(self, resource: Json, label: str, reason: str, rule: str) -> None:
        self.ignored.append(Ignored(reference=elements.reference_of(resource), label=label, reason=reason, rule=rule))

    def listed_since(self, count: int) -> bool:
        """Whether any gap behind the first `count` is only listed: a date of the future."""
        return len(self.gaps) > count and any(gap.listed_only for gap in self.gaps[count:])

    def guarded(
        self, area: Area | Callable[[Json], Area], resource: Json, read: Callable[..., Fact], *arguments: Any
    ) -> Fact | None:
        """Read one resource; a shape that no reader foresaw is a Gap, never a traceback and never silence.

        An `area` that has to be looked up is, where there is a Gap.
        """
        try:
            return read(resource, *arguments)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            self.gap(area if isinstance(area, Area) else area(resource), resource, "the entry could not be read")
            return None

    def date(self, area: Area, resource: Json, value: Any, element: str) -> PartialDate | None:
        """A date or dateTime element; what cannot be read becomes a Gap, what lies in the future is listed."""
        try:
            return self._not_future(area, resource, elements.partial_date(value, element), element)
        except elements.Unreadable as problem:
            self.gap(area, resource, str(problem))
            return None

    def when(self, area: Area, resource: Json, stem: str) -> PartialDate | None:
        """The same for a choice of dateTime, instant and Period."""
        try:
            return self._not_future(area, resource, elements.when(resource, stem), stem)
        except elements.Unreadable as problem:
            self.gap(area, resource, str(problem))
            return None

    def _not_future(self, area: Area, resource: Json, found: PartialDate | None, element: str) -> PartialDate | None:
        if found is None or not found.after(self.as_of):
            return found
        if self.now is not None and found.instant is not None and found.instant <= self.now:
            return replace(found, first=self.as_of, last=self.as_of)
        reason = f"{element} lies after {self.as_of.isoformat()} and was not used"
        reference = elements.reference_of(resource)
        self.gaps.append(Gap(area=area, reference=reference, reason=reason, listed_only=True))
        return None
