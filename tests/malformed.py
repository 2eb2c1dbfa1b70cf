"""Every class of malformed input, as damage to one entry of a chart or to the text that carries it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.builders import (
    Json,
    a_blood_pressure,
    a_chart,
    a_component,
    a_condition,
    a_medication,
    a_patient,
    an_allergy,
    days_ago,
    mmhg,
)

FHIR_JSON: Final = "application/fhir+json"
CANDIDATE: Final = "candidate"
CONTRAINDICATED: Final = "contraindicated"
Where = Literal["both", "ehr", "file"]


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """`calm` is an entry that leaves a candidate one, `grave` one that speaks against the patient.

    Damage works on the entry, on the entry's JSON text, on the Bundle's entry around it, or on the whole text.
    `calm_stays`: True where the class is harmless by its nature, so that the damaged calm entry changes nothing; None
    where either will do. A damaged grave entry never leaves a candidate, unless `grave_frees`: FHIR says so.
    """

    name: str
    calm: Json = field(default_factory=dict)
    grave: Json = field(default_factory=dict)
    resource: Callable[[Json], Any] = _same
    text: Callable[[bytes], bytes] = _same
    entry: Callable[[Json], Any] = _same
    bundle: Callable[[Json], Any] = _same
    body: Callable[[bytes], bytes] = _same
    content_type: str | None = FHIR_JSON
    headers: tuple[tuple[str, str], ...] = ()
    where: Where = "both"
    because: str = ""  # why it makes no sense in the other direction
    calm_stays: bool | None = False
    grave_frees: bool = False


def text_of(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def damaged(case: Malformed, resource: Json) -> bytes:
    return case.text(text_of(case.resource(json.loads(text_of(resource)))))


def carried(case: Malformed, resource: Json, beside: list[Json], bundle: Json) -> bytes:
    """The Bundle as text, with the damaged entry behind those beside it."""
    marker = "@@the damaged entry@@"
    entries = [*({"resource": one} for one in beside), case.entry({"resource": marker})]
    whole = text_of(case.bundle({**bundle, "entry": entries}))
    return case.body(whole.replace(text_of(marker), damaged(case, resource)))


def calm_chart() -> list[Json]:
    return [*a_chart(), a_medication(), an_allergy("7980", text="penicillin")]


# --- entries ------------------------------------------------------------------------------------------------------

KNEE = a_condition("M25.561", text="Pain in right knee", onset="2019-04-01", id="damaged")
SCHIZOPHRENIA = a_condition("F20.9", text="Schizophrenia, unspecified", onset="2019-04-01", id="damaged")
PRESSURE = a_blood_pressure(118, 76, id="damaged", when=f"{days_ago(0)}T10:00:00-06:00")
HIGH_PRESSURE = a_blood_pressure(182, 124, id="damaged", when=f"{days_ago(0)}T10:00:00-06:00")
STATIN = a_medication("36567", text="simvastatin 20 MG", id="damaged")
MEDICINE = a_medication("6011", text="isocarboxazid 10 MG", id="damaged")
DUST = an_allergy("7980", text="penicillin", id="damaged")
KETAMINE = an_allergy(id="damaged")


def condition(name: str, **more: Any) -> Malformed:
    return Malformed(name=name, calm=KNEE, grave=SCHIZOPHRENIA, **more)


def pressure(name: str, **more: Any) -> Malformed:
    return Malformed(name=name, calm=PRESSURE, grave=HIGH_PRESSURE, **more)


def medicine(name: str, **more: Any) -> Malformed:
    return Malformed(name=name, calm=STATIN, grave=MEDICINE, **more)


def allergy(name: str, **more: Any) -> Malformed:
    return Malformed(name=name, calm=DUST, grave=KETAMINE, **more)


# --- kinds of damage ----------------------------------------------------------------------------------------------


def put(path: str, value: Any) -> Callable[[Json], Json]:
    """Set an element by its path, "code.coding.0.code"; made where it is not there."""
    *steps, last = path.split(".")

    def change(resource: Json) -> Json:
        place: Any = resource
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place.setdefault(step, {})
        if isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
        return resource

    return change


def drop(*names: str) -> Callable[[Json], Json]:
    return lambda resource: {name: value for name, value in resource.items() if name not in names}


def swap(old: str, new: str) -> Callable[[bytes], bytes]:
    """Text for text; the damage has to hit."""

    def change(text: bytes) -> bytes:
        assert old.encode() in text, old
        return text.replace(old.encode(), new.encode())

    return change


def extended(number: str) -> Callable[[bytes], bytes]:
    """A number, to the letter, in an element that no rule reads."""
    extension = f'"extension":[{{"url":"https://clinic.example/x","valueDecimal":{number}}}]'
    return lambda text: text[:-1] + b"," + extension.encode() + b"}"


def nested(depth: int, opening: str, closing: str) -> Callable[[bytes], bytes]:
    return lambda text: text[:-1] + b',"x":' + opening.encode() * depth + b"1" + closing.encode() * depth + b"}"


def measured(systolic: Any, diastolic: Any = None) -> Callable[[Json], Json]:
    """Another amount in each component, by its place."""

    def change(resource: Json) -> Json:
        resource["component"][0]["valueQuantity"] = systolic(resource["component"][0]["valueQuantity"])
        resource["component"][1]["valueQuantity"] = (diastolic or systolic)(resource["component"][1]["valueQuantity"])
        return resource

    return change


def of_amount(**changes: Any) -> Callable[[Json], Json]:
    return lambda quantity: {k: v for k, v in (quantity | changes).items() if v is not None}


def in_kilopascal(quantity: Json) -> Json:
    return mmhg(round(quantity["value"] / 7.50062, 3), code="kPa", unit="kPa")


def without_codes(resource: Json) -> Json:
    for component in resource["component"]:
        del component["code"]
    return resource


def absent(reason: str) -> Callable[[Json], Json]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": reason}

    def change(resource: Json) -> Json:
        resource["component"] = [
            a_component(code, None, dataAbsentReason={"coding": [coding]}) for code in ("8480-6", "8462-4")
        ]
        return resource

    return change


def buried(resource: Json) -> Json:
    """The code that counts, behind 9,999 that say nothing."""
    resource["code"]["coding"] = [*({"display": f"x{n}"} for n in range(9_999)), *resource["code"]["coding"]]
    return resource


def circular(resource: Json) -> Json:
    contained = {"resourceType": "Medication", "id": "m", "ingredient": [{"itemReference": {"reference": "#m"}}]}
    return drop("medicationCodeableConcept")(resource) | {
        "contained": [contained],
        "medicationReference": {"reference": "#m"},
    }


def verification(code: str) -> Callable[[Json], Json]:
    return put("verificationStatus.coding.0.code", code)


HTML: Final = b"<!DOCTYPE html><html><body>Please sign in</body></html>"
MULTIPART: Final = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'
SCRIPT: Final = '<div xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></div>'
ONLY_SERVED: Final = "a file has no headers"

CASES: Final[tuple[Malformed, ...]] = (
    condition("M1 empty", body=lambda _: b""),
    condition("M2 null", body=lambda _: b"null"),
    condition("M3 a list", body=lambda _: b"[]"),
    condition("M4 a string", body=lambda _: b'"x"'),
    condition("M5 an empty object", body=lambda _: b"{}"),
    condition("M7 trailing garbage", body=lambda text: text + b" garbage"),
    condition("M8 two documents", body=lambda text: text + text),
    condition("M9 byte order mark", body=lambda text: b"\xef\xbb\xbf" + text, where="file", calm_stays=True,
              because="editors put it into files; served, it is M9b"),
    condition("M9b byte order mark, served", body=lambda text: b"\xef\xbb\xbf" + text, where="ehr", calm_stays=None,
              because="in a file it is M9"),
    condition("M10 UTF-16", body=lambda text: text.decode().encode("utf-16")),
    condition("M11 latin-1", text=lambda t: t.replace(b'"text":"', b'"text":"\xe9')),
    condition("M12 overlong UTF-8", text=lambda t: t.replace(b'"text":"', b'"text":"\xc0\xaf')),
    condition("M13 lone surrogate", text=swap('"text":"', '"text":"\\ud800')),
    condition("M14 NUL in the words", text=swap('"text":"', '"text":"\\u0000'), calm_stays=True),
    condition("M14b NUL in the code", text=swap('"code":"', '"code":"\\u0000'), calm_stays=None),
    condition("M14c NUL in the id", text=swap('"id":"', '"id":"\\u0000'), calm_stays=None),
    condition("M15 control character", text=swap('"text":"', '"text":"\x01')),
    condition("M16 NaN", text=extended("NaN")),
    condition("M17 Infinity", text=extended("Infinity")),
    condition("M18 1e400", text=extended("1e400"), calm_stays=True),
    pressure("M18b a pressure of 1e400", text=lambda t: t.replace(b'"value":', b'"value":1e400,"was":')),
    condition("M19 5,000 digits", text=extended("9" * 5000)),
    condition("M20 minus zero", text=extended("-0.0"), calm_stays=True),
    pressure("M20b a pressure of minus zero", text=lambda t: t.replace(b'"value":', b'"value":-0.0,"was":')),
    condition("M21 many digits", text=extended("0.1234567890123456789"), calm_stays=True),
    condition("M22 a zero at the end", text=extended("1.10"), calm_stays=True),
    condition("M23 an element twice",
              text=lambda t: t[:-1] + b',"verificationStatus":{"coding":[{"code":"entered-in-error"}]}}'),
    pressure("M23b a status twice", text=lambda t: t[:-1] + b',"status":"entered-in-error"}'),
    condition("M24 65 deep, objects", text=nested(65, '{"a":', "}"), calm_stays=True),
    condition("M24b 65 deep, arrays", text=nested(65, "[", "]"), calm_stays=True),
    condition("M24c 1,025 deep, objects", text=nested(1025, '{"a":', "}"), calm_stays=None),
    condition("M24d 1,025 deep, extensions", text=nested(1025, '{"extension":[{"url":"x"},', "]}"), calm_stays=None),
    condition("M24e 100,000 deep, arrays", text=nested(100_000, "[", "]")),
    condition("M24f 100,000 deep, objects", text=nested(100_000, '{"a":', "}")),
    condition("M25 1 MiB and one byte", body=lambda t: t + b" " * (1024 * 1024 + 1 - len(t)), calm_stays=True),
    condition("M26 gzip without saying so", body=gzip.compress),
    condition("M26b gzip that says so", body=gzip.compress, headers=(("content-encoding", "gzip"),), where="ehr",
              because=ONLY_SERVED, calm_stays=True),
    condition("M26c an encoding not asked for",
              headers=(("content-encoding", "br"),), where="ehr", because=ONLY_SERVED),
    condition("M27 text/plain", content_type="text/plain", where="ehr", because=ONLY_SERVED),
    condition("M27b application/xml", content_type="application/xml", where="ehr", because=ONLY_SERVED),
    condition("M27c no type", content_type=None, where="ehr", because=ONLY_SERVED),
    condition("M27d charset", content_type=f"{FHIR_JSON}; charset=utf-16", where="ehr", because=ONLY_SERVED),
    condition("M28 wrong resourceType", resource=put("resourceType", "Observation"), where="ehr",
              because="a file may hold any type, so a wrong label is another resource; a label that is none is M28b"),
    condition("M28b a resourceType that is none", resource=put("resourceType", "Conditions")),
    condition("M28c a resourceType in small letters", resource=put("resourceType", "condition")),
    condition("M29 no resourceType", resource=drop("resourceType")),
    condition("M30 unknown element", resource=put("unheardOf", {"a": [1]}), calm_stays=True),
    condition("M31 an element of R5", resource=put("participant", [{"actor": {"display": "x"}}]), calm_stays=True),
    medicine("M31b the medicine as in R5", resource=lambda r: drop("medicationCodeableConcept")(r) | {
        "medication": {"concept": r["medicationCodeableConcept"]}}),
    condition("M32 null in an array", resource=lambda r: put("code.coding", [None, *r["code"]["coding"]])(r)),
    condition("M33 empty string", resource=put("code", "")),
    condition("M33b empty array", resource=put("code", [])),
    condition("M33c empty object", resource=put("code", {})),
    condition("M34 scalar for an array", resource=put("code.coding", "F20.9")),
    condition("M34b scalar for a status", resource=put("clinicalStatus", "active")),
    condition("M35 array for a scalar", resource=put("code.coding.0.code", ["F20.9"])),
    condition("M35b array for an object", resource=lambda r: put("code", [r["code"]])(r)),
    condition("M36 id is a path", resource=put("id", "../../etc"), calm_stays=True),
    condition("M37 id of 65 characters", resource=put("id", "a" * 65), calm_stays=True),
    condition("M37b id is a number", resource=put("id", 5), calm_stays=None),
    *(condition(f"M38 date {text}", resource=put("onsetDateTime", text)) for text in
      ("2026-02-31", "0000-00-00", "10000-01-01", "2019-04-01T10:00:00+15:00", "yesterday")),
    condition("M39 leap second", resource=put("onsetDateTime", "2016-12-31T23:59:60Z"), calm_stays=True),
    Malformed(name="M40 a boolean as text",
              calm=a_patient(deceasedBoolean=False), grave=a_patient(deceasedBoolean=True),
              resource=lambda r: put("deceasedBoolean", str(r["deceasedBoolean"]).lower())(r)),
    *(condition(f"M41 subject {name}", resource=put("subject.reference", name)) for name in
      ("javascript:alert(1)", "file:///etc/passwd", "#gone", "")),
    medicine("M41b a medicine that is not contained", resource=lambda r: drop("medicationCodeableConcept")(r) | {
        "medicationReference": {"reference": "#gone"}}),
    medicine("M42 contained in a circle", resource=circular),
    condition("M43 words of 2 MB", resource=put("code.text", "x" * 2_000_000), calm_stays=None),
    condition("M44 10,000 codings", resource=buried, calm_stays=None),
    condition("M45 _element without the element", calm_stays=True,
              resource=lambda r: drop("onsetDateTime")(r) | {"_onsetDateTime": {"extension": [{"url": "x"}]}}),
    condition("M46 narrative with a script",
              resource=put("text", {"status": "generated", "div": SCRIPT}), calm_stays=True),
    condition("M47 narrative that is not XML", resource=put("text", {"div": "<div><p>a<b></div>"}), calm_stays=True),
    condition("M48 junk for base64", calm_stays=True,
              resource=put("note", [{"text": "x"}, {"valueAttachment": {"data": "%%%"}}])),
    pressure("M49 no unit", resource=measured(of_amount(unit=None, code=None, system=None))),
    pressure("M49b kilopascal", resource=measured(in_kilopascal), calm_stays=True),
    pressure("M49c a unit spelt in words", resource=measured(of_amount(unit="mm Hg ", code=None, system=None)),
             calm_stays=None),
    pressure("M49d below zero", resource=measured(of_amount(value=-120))),
    pressure("M49e upside down", resource=measured(of_amount(value=70), of_amount(value=110))),
    pressure("M49f 99999", resource=measured(of_amount(value=99999))),
    pressure("M50 components without a code", resource=without_codes),
    condition("M51 entered in error", resource=verification("entered-in-error"), calm_stays=True, grave_frees=True),
    condition("M51b a status FHIR has not", resource=verification("maybe")),
    pressure("M51c a status FHIR has not", resource=put("status", "maybe")),
    pressure("M52 absent because of an error", resource=absent("error")),
    pressure("M52b not performed", resource=absent("not-performed"), calm_stays=True, grave_frees=True),
    condition("M53 an entry without a resource", entry=lambda _: {"fullUrl": "urn:uuid:1"}),
    condition("M53b an entry that is null", entry=lambda _: None),
    condition("M53c an entry whose resource is null", entry=lambda _: {"resource": None}),
    condition("M54 an entry called an outcome", entry=lambda e: e | {"search": {"mode": "outcome"}}, calm_stays=True),
    condition("M55 an entry not asked for", resource=put("resourceType", "Procedure"), where="ehr",
              because="a file is not asked for anything"),
    condition("M56 a total too small", bundle=lambda b: b | {"total": 0}, calm_stays=True),
    condition("M56b a total too great", bundle=lambda b: b | {"total": 17}, where="ehr",
              because="Bundles of files are cut and joined by hand: their total says nothing"),
    condition("M57 a page", body=lambda _: HTML),
    condition("M57b a page that says so",
              body=lambda _: HTML, content_type="text/html", where="ehr", because=ONLY_SERVED),
    condition("M60 a form", body=lambda _: MULTIPART),
    condition("M60b a form that says so", body=lambda _: MULTIPART, content_type="multipart/form-data; boundary=x",
              where="ehr", because=ONLY_SERVED),
    allergy("M23c an allergy twice refuted",
              text=lambda t: t[:-1] + b',"verificationStatus":{"coding":[{"code":"refuted"}]}}'),
    allergy("M33d an allergy to nothing", resource=put("code", {})),
    medicine("M33e a medicine without a name", resource=put("medicationCodeableConcept", {})),
)  # fmt: skip


# M6 is a family of its own (`cut_off`); M58 and M59 need a socket: tests/smart_app/ehr/test_malformed_sockets.py.
ELSEWHERE: Final = frozenset({"M6", "M58", "M59"})


def cut_off(text: bytes) -> list[bytes]:
    """M6: cut at every 64th byte."""
    return [text[:length] for length in range(64, len(text), 64)]
