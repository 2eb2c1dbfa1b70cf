"""The question that every rule is asked: these facts, on this day, with these limits."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, TypeVar

from fhir_mappings.facts.clinical import Area, ClinicalStatus, Diagnosis, PartialDate, PatientFacts, Verification
from smart_app.clinical.answers import Answer
from smart_app.clinical.finding import Evidence
from smart_app.clinical.limits import Limits

Built = TypeVar("Built")
_LONGEST_REASON = 300  # characters of why an EHR would not tell


@dataclass(frozen=True, kw_only=True)
class Question:
    facts: PatientFacts
    as_of: date
    limits: Limits
    answers: Mapping[str, Answer] = field(default_factory=dict)  # what the patient said, by question
    off: frozenset[str] = frozenset()  # ids of the rules that the site has switched off
    _worked_out: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, name: str, build: Callable[[], Built]) -> Built:
        """What several rules need, worked out once for this question and forgotten with it."""
        if name not in self._worked_out:
            self._worked_out[name] = build()
        built: Built = self._worked_out[name]
        return built

    def confirmed(self, *sets: str) -> tuple[Diagnosis, ...]:
        """Confirmed diagnoses in any of the sets, whatever their clinical status."""
        return tuple(d for d in self._by_verification[Verification.CONFIRMED] if d.in_any(*sets))

    def unconfirmed(self, *sets: str) -> tuple[Diagnosis, ...]:
        return tuple(d for d in self._by_verification[Verification.UNCONFIRMED] if d.in_any(*sets))

    def active(self, *sets: str) -> tuple[Diagnosis, ...]:
        """Confirmed diagnoses in any of the sets that are active."""
        return tuple(d for d in self.confirmed(*sets) if d.is_active)

    def not_over(self, *sets: str) -> tuple[Diagnosis, ...]:
        """Confirmed diagnoses in any of the sets, but for those that are resolved with a past abatement."""
        over = (ClinicalStatus.RESOLVED, None)
        return tuple(d for d in self.confirmed(*sets) if not (d.abated and d.status in over))

    def of_long_ago(self, diagnosis: Diagnosis) -> bool:
        """Whether only a visit surely more than `encounter_days` back tells of it.

        Nobody closes the diagnosis of a visit: its clinical status stays active for ever (clinical content, 2.1).
        """
        earliest = self.as_of - timedelta(days=self.limits.encounter_days)
        dates = diagnosis.dates
        return not diagnosis.problem_list and bool(dates) and all(when.last < earliest for when in dates)

    @cached_property
    def _by_verification(self) -> dict[Verification, tuple[Diagnosis, ...]]:
        """The diagnoses that are in any set: few of a long problem list are, and every rule goes through them."""
        in_sets = [d for d in self.facts.diagnoses if d.sets]
        return {v: tuple(d for d in in_sets if d.verification is v) for v in Verification}

    def recent(self, diagnosis: Diagnosis, days: int, *, by_date_only: bool = False) -> bool:
        """Clinical content 1b, "Recent rules".

        A problem-list entry that is active is recent. Otherwise the latest of onset, abatement and recording date
        decides; with no date at all the rule fires. The clinical status of an encounter diagnosis is not used.
        """
        if diagnosis.is_active and diagnosis.problem_list and not by_date_only:
            return True
        dates = diagnosis.dates
        return not dates or any(when.may_be_within(days, self.as_of) for when in dates)

    def unread(self, area: Area) -> bool:
        """Whether a whole search or page of this area is missing."""
        return area in self._unread

    def unclear(self, area: Area) -> bool:
        """Whether anything of this area is missing or unreadable."""
        return area in self._unclear

    def why_unread(self, *areas: Area) -> str:
        """One sentence: the unread ones of the areas, each with the reasons that were given, as far as they fit."""
        told = "; ".join(f"{area.value} ({self._reasons(area)})" for area in areas if self.unread(area))
        return f"Could not look: {told if len(told) <= _LONGEST_REASON else told[:_LONGEST_REASON].rstrip() + '…'}."

    def _reasons(self, area: Area) -> str:
        given = [gap.reason.strip().rstrip(".") for gap in self.facts.gaps if gap.fetch_failed and gap.area is area]
        return ", ".join(dict.fromkeys(filter(None, given))) or "not read in full"

    @cached_property
    def _unread(self) -> frozenset[Area]:
        return self.facts.unread

    @cached_property
    def _unclear(self) -> frozenset[Area]:
        return self.facts.unclear

    def years_before(self, years: int) -> date:
        return _shifted(self.as_of, -12 * years)

    def months_before(self, months: int) -> date:
        """The same day of the month so many months ago, or the month's last day."""
        return _shifted(self.as_of, -months)


def _shifted(day: date, months: int) -> date:
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def diagnosis_evidence(diagnoses: Iterable[Diagnosis]) -> tuple[Evidence, ...]:
    """Each diagnosis with its code, status and the date that is known."""
    return tuple(
        Evidence(reference=d.reference, date=_day(d.onset or d.recorded or d.abatement), text=_words(d))
        for d in diagnoses
    )


def _day(when: PartialDate | None) -> str:
    return when.text[:10] if when is not None else ""


def _words(diagnosis: Diagnosis) -> str:
    code = next((c.code for c in diagnosis.codes), None)
    status = diagnosis.status.value if diagnosis.status is not None else ("abated" if diagnosis.abated else "")
    parts = [f"code {code}" if code else "text only", status]
    if diagnosis.verification is not Verification.CONFIRMED:
        parts.append(diagnosis.verification.value)
    return f"{diagnosis.label} ({', '.join(part for part in parts if part)})"
