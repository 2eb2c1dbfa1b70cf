"""What is left out of the chart where the EHR does not grant the scope or take the type; the rest is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from smart_app.use_cases.records import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of what is written. What is needed of a session is `features.NEEDED_TO_WRITE`."""

    resource_type: str
    letters: str  # of a SMART scope, each needed
    tabs: frozenset[str]  # the pages where its loss is told
    without: str


PARTS = (
    Part(
        resource_type="CarePlan",
        letters="cu",
        tabs=frozenset({"enrolment", "progress"}),
        without="The course stays in this app: the EHR did not allow this app to write care plans.",
    ),
    Part(
        resource_type="Observation",
        letters="c",
        tabs=frozenset({"session", "progress"}),
        without="Readings reach the chart in the session's note only, and results of questionnaires stay in this "
        "app: the EHR did not allow this app to write observations.",
    ),
    Part(
        resource_type="QuestionnaireResponse",
        letters="c",
        tabs=frozenset({"progress"}),
        without="The answers of questionnaires stay in this app, their results are written: the EHR did not allow it "
        "to write questionnaire responses.",
    ),
    Part(
        resource_type="MedicationStatement",
        letters="c",
        tabs=frozenset({"progress"}),
        without="What the patient says of doses taken at home stays in this app: the EHR did not allow it to write "
        "medication statements.",
    ),
    Part(
        resource_type="AdverseEvent",
        letters="c",
        tabs=frozenset({"session"}),
        without="Adverse events reach the chart in the session's note and as its complications only: the EHR did not "
        "allow this app to write adverse events.",
    ),
    Part(
        resource_type="Provenance",
        letters="c",
        tabs=frozenset({"session"}),
        without="The record of who signed stays in this app: the EHR did not allow it to write provenance.",
    ),
)


def losses(not_granted: Iterable[str], tab: str | None = None) -> tuple[str, ...]:
    """What is not written, in words, on one page; None: all of it."""
    lost = frozenset(not_granted)
    return tuple(each.without for each in PARTS if each.resource_type in lost and tab in {None, *each.tabs})


def not_offered(offer: Offer | None) -> frozenset[str]:
    """Types that are left out because the EHR's statement does not say that it creates them.

    A statement that cannot be read (None), or that names no type to create, says nothing: the write has to show.
    """
    if offer is None or not offer.creatable:
        return frozenset()
    return frozenset(each.resource_type for each in PARTS) - offer.creatable
