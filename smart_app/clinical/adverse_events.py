"""The adverse events offered during a session, with SNOMED CT codes where one was verified."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from fhir_mappings.facts.treatment import Severity
from smart_app.clinical.session_rules import Action, Level

# Key -> (words, SNOMED CT code). Codes: found with the same meaning in published value sets (clinical README 3.1);
# none is given where only a disorder, not a finding, exists.
EVENTS: Mapping[str, tuple[str, str | None]] = MappingProxyType(
    {
        "nausea": ("Nausea", "422587007"),
        "vomiting": ("Vomiting", "422400008"),
        "anxiety": ("Anxiety", "48694002"),
        "dissociation": ("Dissociation", None),
        "headache": ("Headache", "25064002"),
        "hypertension": ("Raised blood pressure", "24184005"),
        "hypotension": ("Low blood pressure", "45007003"),
        "desaturation": ("Low oxygen saturation", "389087006"),
        "agitation": ("Agitation", None),
        "dizziness": ("Dizziness", "404640003"),
        "drowsiness": ("Drowsiness", "271782001"),
        "fatigue": ("Fatigue", "84229001"),
        "hallucination": ("Hallucinations", "7011001"),
        "panic": ("Panic attack", "225624000"),
        "confusion": ("Confusion", "286933003"),
        "palpitations": ("Palpitations", "80313002"),
        "tachycardia": ("Fast heart rate", "3424008"),
        "bradycardia": ("Slow heart rate", "48867003"),
        "chest-pain": ("Chest pain", "29857009"),
        "syncope": ("Syncope", "271594007"),
        "dysuria": ("Painful urination", "49650001"),
        "neurological": ("Weakness, speech or sight disturbed", None),
        "suicidal-thoughts": ("Suicidal thoughts", "6471006"),
        "other": ("Other", None),
    }
)

# What is common during a session, one press away; the others are in a list.
QUICK = (
    "nausea",
    "anxiety",
    "dissociation",
    "headache",
    "hypertension",
    "hypotension",
    "desaturation",
    "vomiting",
    "agitation",
    "other",
)

# Clinical README 4: these end the infusion whatever the readings say; of a headache only a severe one.
_STOPPING: Mapping[str, Collection[Severity]] = MappingProxyType(
    {"chest-pain": tuple(Severity), "neurological": tuple(Severity), "headache": (Severity.SEVERE,)}
)


def event_action(key: str, severity: Severity, words: str) -> Action:
    """What an adverse event that is not over asks for. `words`: what it is called on the page."""
    if severity not in _STOPPING.get(key, ()):
        return Action(level=Level.NONE)
    return Action(
        level=Level.STOP,
        words=f"Stop: {words[:1].lower()}{words[1:]}. Give no more, stop a running infusion, treat, "
        "call the prescriber and emergency services.",
    )
