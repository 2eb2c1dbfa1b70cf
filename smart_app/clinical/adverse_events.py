"""The adverse events offered during a session, with SNOMED CT codes where one was verified."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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
        "suicidal-thoughts": ("Suicidal thoughts", "6471006"),
        "other": ("Other", None),
    }
)
