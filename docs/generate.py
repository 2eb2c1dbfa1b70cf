"""Writes what is made from tables of the product, pages and Questionnaires: `python -m docs.generate [--check]`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fhir_mappings.facts.checklists import THERAPY
from fhir_mappings.facts.goals import Aim
from fhir_mappings.facts.instruments import INSTRUMENTS
from fhir_mappings.facts.outcome_rules import AS_SHIPPED
from fhir_mappings.facts.programme import Detail, ProgrammeDefinition
from fhir_mappings.facts.programmes import PROGRAMMES
from fhir_mappings.facts.treatment import Route
from fhir_mappings.writing.questionnaire import questionnaire
from launch.registration_keys import KEYS
from smart_app.clinical.action_limits import ACTION_LIMITS, READINGS
from smart_app.clinical.counting import share_words
from smart_app.clinical.course_states import ACTIVITY_TABLE, COURSE_TABLE, SESSION_TABLE
from smart_app.clinical.goals import achievement
from smart_app.clinical.ledger import Act
from smart_app.clinical.ledger_rules import SETTINGS, LedgerRules
from smart_app.clinical.maintenance_rules import AS_SHIPPED as MAINTENANCE
from smart_app.clinical.microdosing import pressures_words, reviews_words
from smart_app.clinical.outcomes import Outcome, Verdict
from smart_app.clinical.programme_settings import LISTED, TUNABLES, Tunable
from smart_app.clinical.relapse import rule_words
from smart_app.clinical.rule_sheet import rule_sheet
from smart_app.clinical.site_sheet import SiteRules, site_sheet
from smart_app.clinical.site_table import Key, amount
from smart_app.sandbox.patients.table import PATIENTS
from smart_app.use_cases.ledger.ledger_log import COLUMNS

FOLDER = Path(__file__).parent
QUESTIONNAIRES = FOLDER.parent / "fhir_mappings" / "questionnaires"
NOTICE = "<!-- Made by `make docs` from the tables of the product. Do not edit here. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows])


def screening_criteria() -> str:
    sheet = rule_sheet()
    origins = "\n".join(f"- *{name}*, {each['rules']}: {each['meaning']}" for name, each in sheet["origins"].items())
    return (
        f"""# Screening criteria

Rules version {sheet["rulesVersion"]}, released {sheet["released"]}, revised {sheet["revised"]}, by
{sheet["author"]}. {sheet["review"]}

The status of a screening is the worst effect of any rule that is met and of any gap, in this order: contraindicated,
hold, no-indication, insufficient-data, needs-review, candidate. `candidate` means that nothing against treatment was
found in what was read: the clinician decides.

A rule is met, not met, not decidable for lack of data, or it could not look because a part of the chart was refused
or failed. "Not met" counts only where everything the rule reads was read. A gap in the patient's own data, the
conditions, blood pressure, medications or allergies keeps the patient from being a candidate; any other gap asks for
review.

Used by the rules that say so: {", ".join(sheet["attributesUsed"])}. Used by no rule:
{", ".join(sheet["attributesNotUsed"])}.

Origins of the {len(sheet["rules"])} rules:

{origins}

What a site may set, and how, is in [operations](operations.md#how-a-site-sets-its-rules). Question and logic name the
limits as shipped.

{table(("rule", "question", "kind", "effect when met", "origin"), map(_rule_row, sheet["rules"]))}

{"".join(map(_rule_section, sheet["rules"]))}""".rstrip()
        + "\n"
    )


def _rule_row(rule: Mapping[str, Any]) -> tuple[str, ...]:
    link = f"[{rule['id']}](#{rule['id'].lower()})"
    return link, rule["question"], rule["kind"], rule["effect"] or "none", rule["origin"]


def _rule_section(rule: Mapping[str, Any]) -> str:
    told = (
        ("Logic", rule["logic"]),
        ("Reads", ", ".join(rule["inputs"])),
        ("Unread data", rule["missingData"]),
        ("Asked", f"{rule['ask']['words']} {rule['ask']['holds']}" if rule["ask"] else ""),
        ("Uses", ", ".join(rule["attributesUsed"])),
        ("Known limits", rule["knownLimits"]),
        ("Source", rule["source"]),
        ("Version", rule["version"]),
    )
    lines = "".join(f"- {name}: {words}\n" for name, words in told if words)
    limits = [
        (f"`{limit['key']}`", limit["words"], amount(limit["default"], limit["unit"]), _bounds(limit))
        for limit in rule["limits"]
    ]
    settable = f"\n{table(('key', 'limit', 'default', 'may be set'), limits)}\n" if limits else ""
    return f"## {rule['id']}\n\n{rule['question']}\n\n{lines}{settable}\n"


def _bounds(limit: Mapping[str, Any]) -> str:
    return f"{limit['least']} to {limit['greatest']}" if limit["least"] is not None else "true or false"


def _diagram(table_: Mapping[tuple[Any, Any], Any], names: Mapping[str, str]) -> str:
    """A state diagram of a transition table. `names` says a state otherwise than its value does."""

    def name(state: Any) -> str:
        return names.get(state.value, state.value).replace("-", "_").replace(" ", "_")  # it takes no other names

    arrows = (f"    {name(state)} --> {name(target)}: {event.value}" for (state, event), target in table_.items())
    return "\n".join(("```mermaid", "stateDiagram-v2", *arrows, "```"))


def _action_rows() -> Iterable[tuple[str, ...]]:
    for each in ACTION_LIMITS:
        least, greatest = each.bounds
        bounds = f"{each.shipped} ({least} to {greatest})"
        yield f"`{each.key}`", f"{each.words} ({each.unit})" if each.unit else each.words, bounds, each.does


def _listed_rows() -> str:
    return "\n".join(f"| `{each.key}` | {each.words}: {each.takes} |" for each in LISTED)


def _tunable_row(tunable: Tunable) -> tuple[str, ...]:
    bounds = (_programme_bounds(tunable, p) for p in PROGRAMMES.values())
    return (f"`{tunable.key}`", f"{tunable.words} ({tunable.unit or 'share'})", *bounds, tunable.source)


def _programme_bounds(tunable: Tunable, shipped: ProgrammeDefinition) -> str:
    bounds = tunable.bounds(shipped)
    return f"{getattr(shipped, tunable.key)} ({bounds[0]} to {bounds[1]})" if bounds else "-"


def _table_rows(name: str, keys: Sequence[Key] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of a table of site.toml; with `keys`, these alone."""
    (told,) = (each for each in site_sheet(SiteRules()) if each.name == name)
    wanted = {each.key for each in keys or told.rows}
    for row in (each for each in told.rows if each.key in wanted):
        yield f"`{row.key}`", row.words, row.shipped, row.bounds, row.source


def _check_rows() -> Iterator[tuple[str, ...]]:
    """Each line once, with the routes that ask it; discharge and psychotherapy after those before the dose."""
    before = list(dict.fromkeys(item for p in PROGRAMMES.values() for item in p.checks))
    after = list(dict.fromkeys(item for p in PROGRAMMES.values() for item in p.discharge))
    for item in (*before, *after):
        asking = [p.route.value for p in PROGRAMMES.values() if item in (*p.checks, *p.discharge)]
        where = f" ({item.place.value})" if item.place is not None else ""
        stops = "Do not give the dose. " if item.stops else "Not met." if item in after else ""
        yield item.text + where, ", ".join(asking), "; ".join(map(_detail, item.details)), f"{stops}{item.effect}"
    for item in THERAPY:
        yield item.text, "all", "; ".join(map(_detail, item.details)), "nothing"


def _detail(detail: Detail) -> str:
    unit = f", {detail.unit} {detail.possible[0]} to {detail.possible[1]}" if detail.unit and detail.possible else ""
    return f"{detail.label.lower()}{unit}"


def programmes() -> str:
    iv = PROGRAMMES[Route.IV]
    share, late = share_words(iv), iv.late_days
    rows = [
        (
            p.route.value,
            p.title,
            str(p.sessions or "no count"),
            f"{p.days[0]} to {p.days[1]} days" if p.days else "open",
            f"{p.least_hours_apart} h to {p.longest_gap_days} days" if p.days else "none",
            f"{p.fasting_hours} h, clear fluids {p.fluids_hours} h" if p.fasting_hours else "none",
            ", ".join(map(str, p.monitoring_minutes)) or "none in a visit",
            f"{p.observation_minutes} min" if p.observation_minutes else "none",
        )
        for p in PROGRAMMES.values()
    ]
    head = (
        "route",
        "programme",
        "sessions",
        "on time within",
        "apart",
        "fasting",
        "readings, minutes from dose",
        "observation",
    )
    return f"""# Programmes

The clinic's four programmes are one table, `fhir_mappings/facts/programmes.py`. Counts, days and fasting are the
clinic's own; schedules and the values at which a form asks back are working proposals that a clinician signs off.

{table(head, rows)}

A session counts once a day: completed, by the programme's route, with at least {share} of the planned dose. Completed
up to {late} days after the window a course is late; later, or with a longer gap than the table says, it was
interrupted.

## What a site may set

In `[programme.ROUTE]` of site.toml, see [operations](operations.md#how-a-site-sets-its-programmes). Sessions and
window are the clinic's and cannot be set. A course keeps the programme that it was enrolled with.

{table(("key", "meaning", *(route.value for route in PROGRAMMES), "source"), map(_tunable_row, TUNABLES))}

| key | takes |
|---|---|
{_listed_rows()}
| `required` | keys of checks that must be answered |
| `checks`, `discharge` | further ones: tables of key, text, required, not_applicable, stops |
| `reason` | why, shown with what it explains |

## When a reading asks for action

Working proposals, for the clinic to confirm: what is shipped, and within which bounds a site may act earlier. Chest
pain, weakness or a disturbance of speech or sight, and a severe headache, recorded as adverse events, ask to stop
whatever the readings say.

{table(("key of [session]", "reached when", "shipped (bounds)", "what the page says to do"), _action_rows())}

The same table says which readings let a dose start, and what they propose at discharge:

{table(("key of [session]", "meaning", "shipped", "may be set", "source"), _table_rows("session", READINGS))}

## What is asked before the dose and at discharge

The lines are `fhir_mappings/facts/checklists.py`. "Yes" is always the answer with which the session goes on. A line
that stops the dose is set aside only with a prescriber's reason, which goes into the note. A medicine that deepens
sedation or raises blood pressure gets a line of its own from the latest screening. What the readings say is proposed
at discharge and confirmed by the clinician; a yes against them counts as unmet.

{table(("line", "routes", "typed beside it", "no means"), _check_rows())}

## After the course

A booster is a single session by a route that is given in sessions, with a CarePlan of its own that names the course
it follows. It is planned by a prescriber on the conditions of `smart_app/clinical/booster.py`: the programme is
completed, a relapse or loss of response is recorded, a full screening allows it, the blood pressure of the day is
below the limits, the last dose is long enough ago, urinary symptoms and liver values were looked at. Unknown is never
met. A reason takes the place of what is not met, but for the screening: a finding is overridden on its own page. All
limits are working proposals; `[maintenance]` of site.toml makes them stricter.

{table(("key", "meaning", "shipped", "may be set", "source"), _table_rows("maintenance"))}

## Doses that the patient takes alone

A prescriber orders steps of a titration; no dose is proposed. The first dose is observed at a visit: it alone is a
session with a MedicationAdministration. What the patient says of the others is a MedicationStatement. A review
up to {MAINTENANCE.review_early_days} days early is the one that is due. {reviews_words(MAINTENANCE)}
Blood pressure is asked for {pressures_words(MAINTENANCE)}. `[maintenance]` makes both denser.

## States of a course

The states are those of CarePlan.status; the table is `smart_app/clinical/course_states.py`. An event that is not in
it is refused and changes nothing.

{_diagram(COURSE_TABLE, {})}

## States of a session

The states are those of Procedure.status; a planned session is the plan's activity until it is opened. Signing a
session that was stopped leaves it stopped. Nothing is deleted: what is wrong is entered in error.

{_diagram(SESSION_TABLE, {"preparation": "planned"})}

## States of a planned activity

Those of CarePlan.activity.detail.status, replayed from what happened. A session that was stopped, missed or does not
count gives its activity back to be done.

{_diagram(ACTIVITY_TABLE, {})}
"""


def sandbox_patients() -> str:
    rows = [(f"{p.family}, {p.given}", p.shows, p.expected) for p in PATIENTS]
    return f"""# Patients of the sandbox EHR

All are synthetic and written by hand, each to show one thing. Their dates hang on the day the sandbox starts.

{table(("patient", "shows", "screening says"), rows)}
"""


def registration() -> str:
    rows = [(f"`{name}`", key.form, key.default or "**must be given**", key.meaning) for name, key in KEYS.items()]
    return f"""# Keys of a registration

One table `[ehr.NAME]` for each EHR in the file of `KP_REGISTRY`; NAME has lower-case letters, digits and hyphens, and
stands in the redirect address. An example is in [operations](operations.md#one-ehr-is-one-table). Every problem of
the file is told at once, a line for each with table and key, by `ketamine-pathway config check` and at the start.

{table(("key", "takes", "left out", "meaning"), rows)}

`roles` and `users` may be tables of their own: `[ehr.NAME.roles]`.
"""


def questionnaires() -> str:
    rows = [
        (
            f"`{form.key}`",
            form.name,
            form.asks,
            form.rule.value,
            f"0 to {form.highest}" if form.highest else "none, low, moderate, high",
            ", ".join(f"{least} to {greatest} {words}" for least, greatest, words in form.bands) or "none agreed on",
            f"{form.remission} or less" if form.remission is not None else "none",
            f"LOINC {form.total}" if form.total else f"`outcome` {form.key}",
            form.terms,
        )
        for form in INSTRUMENTS.values()
    ]
    judged = [
        (verdict.value, *(_goal_code(aim, verdict) for aim in Aim), _goal_code(Aim.REMISSION, verdict, once=True))
        for verdict in Verdict
    ]
    goals = ("latest score", "response", "remission, not reached yet", "reached before and lost, or in a relapse")
    head = ("key", "form", "asks", "rule", "range", "bands", "remission", "code of the result", "terms of use")
    return f"""# Questionnaires

One table, `fhir_mappings/facts/instruments.py`; pages, scoring, charts and FHIR are made from it. Response is a fall
by half or more from the baseline, partial response by a quarter or more, on the same scale. The definitions are FHIR
Questionnaires in `fhir_mappings/questionnaires/`, made from the same table.

{table(head, rows)}

{rule_words(AS_SHIPPED)} It is a working proposal, as are the dates at which a scale is due: a baseline before
session 1, once a week in the course, once after the last session, then at the follow-ups.

## What a site may set

In `[outcomes]` of site.toml, see [operations](operations.md#how-a-site-sets-relapse-and-the-dates-of-questionnaires).
Ranges, bands, response, remission and what alerts cannot be set; a form is due once a week in a course, since PHQ-9
asks about two weeks. A course keeps what held when its patient was enrolled.

{table(("key", "meaning", "shipped", "may be set", "source"), _table_rows("outcomes"))}

## Goals in the CarePlan

A course says in its CarePlan what is to be reached: response and remission by the scale that judges it, as two
contained Goals (`#response`, `#remission`). They are judged by the scores known when the CarePlan is sent, and it is
sent anew when what is entered or struck out here changes a verdict, the scale or the baseline; a score that a
screening found in the chart is told with the next sending. How many sessions were given has no part in it: a
completed course leaves its goals active, and a goal that is reached completes no course. `achievementStatus`, by the
latest score:

{table(goals, judged)}

Remission is `achieved` at or below the limit of the scale, whatever the change; neither goal is in a relapse. What
cannot be judged has no `achievementStatus`, and `statusReason` says why. `statusDate` is the day of the first score
of those that say the same without a break.
"""


def _goal_code(aim: Aim, verdict: Verdict, *, once: bool = False) -> str:
    """Short of remission."""
    found = Outcome(sentence="", verdict=verdict, remission=False)
    code = achievement(aim, found, once=once)
    return f"`{code}`" if code is not None else "none"


def ledger() -> str:
    settings = [
        (
            f"`{each.key}`",
            ", ".join(f"`{one}`" for one in each.takes) or "`true`, `false`",
            f"`{default}`",
            each.words,
        )
        for each, default in ((each, _ledger_default(each.key)) for each in SETTINGS)
    ]
    acts = [(f"`{act.value}`", words) for act, words in _ACTS.items()]
    return f"""# The ledger of controlled substances

Ketamine is a Schedule III substance in the United States; what is drawn of it has to be accounted for (21 CFR
1304.22). The app keeps that account for each EHR registration: vials, and rows that are only ever added.

## How a dose is entered

1. **Receive** the vials: product, lot, expiry, strength, volume, when they came and from whom. Each gets a
   number to be written on it. An expired vial and one of an unusual strength or size are asked back. The dose
   step leads there too.
2. In the **dose step** choose the vial, or type or scan its lot. Strength and expiry are the vial's; a lot that
   is not the chosen vial's is told. Up to three vials may serve one dose.
3. Enter what was given and what was discarded. **Drawn is given and discarded, to the last digit**; more than
   the vial holds, an expired vial without a reason and an amount with another unit are refused.
4. **Waste needs a witness**, who is somebody else than who gave the dose and who discarded the rest. As shipped
   the colleague opens the same session in their own sign-in and confirms the amount there; when the amount
   changes, it is confirmed anew.
5. The rows are entered **with the signature**, in one transaction. A session that is amended or entered in
   error takes its rows back by counter-entries.

A second person's check before the dose is asked for in the same way. Nobody can have checked afterwards what
was given: where nobody did, the record says why.

## Rows

{table(("row", "what it is"), acts)}

A row says what was drawn, given, wasted and corrected in mg, what is left, when the act was and when it was
entered, who did it, who wrote it down, who saw the waste destroyed and how that person is known, how it was
destroyed, and why. Rows are never changed or removed: triggers in the database refuse it, and every row has its
place in its vial, so that two sessions cannot draw the same milligrams. Rows of other patients' doses show the
session's reference and no name.

## The log

The ledger's page offers the rows of a span of days as a CSV file; only the launch's own patient is named in it.
On the command line every patient is named, as on paper, and the export is recorded for each of them:

```sh
ketamine-pathway ledger export --from 2026-11-01 --to 2026-11-30 > november.csv     # or --format json
ketamine-pathway ledger check            # adds up every vial; exit code 1 and a line for each row that does not
```

With SQLite one process owns the database: stop the server, or run them on a copy. Name and address come from
the patient's latest screening.

{table(("columns",), [(", ".join(COLUMNS),)])}

## How a site keeps it

`[ledger]` in site.toml:

{table(("key", "takes", "as shipped", "meaning"), settings)}

The app does not replace what a registrant owes the authorities: a biennial inventory, Form 106 for a loss or
theft, the supplier's invoices. A count records what was reported.
"""


_ACTS = {
    Act.RECEIVED: "a vial came in, full",
    Act.DOSE: "a dose: drawn is administered and wasted; entered with the session's signature",
    Act.ANNOUNCED: "somebody says that a rest was destroyed, and it waits for its witness; takes nothing yet",
    Act.WASTED: "a rest was destroyed before a witness",
    Act.COUNTED: "a vial was held against the ledger; a difference is corrected with its reason",
    Act.REVERSED: "a counter-entry: the same amounts with the other sign, naming the row that it takes back",
}


def _ledger_default(key: str) -> str:
    value = getattr(LedgerRules(), key)
    return str(value).lower() if isinstance(value, bool) else value.value


PAGES = {
    "screening-criteria.md": screening_criteria,
    "programmes.md": programmes,
    "questionnaires.md": questionnaires,
    "registration.md": registration,
    "ledger.md": ledger,
    "sandbox-patients.md": sandbox_patients,
}


def _made() -> Iterator[tuple[Path, str]]:
    """Every generated file with its text."""
    for name, page in PAGES.items():
        yield FOLDER / name, f"{NOTICE}\n\n{page()}"
    for form in INSTRUMENTS.values():
        if form.items:
            text = json.dumps(questionnaire(form), indent=2, ensure_ascii=False) + "\n"
            yield QUESTIONNAIRES / f"Questionnaire-{form.key}.json", text


def main() -> int:
    """With --check nothing is written; 1 when a file is stale."""
    stale = []
    for path, text in _made():
        if not path.exists() or path.read_text("utf-8") != text:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text, "utf-8")
    if stale and "--check" in sys.argv:
        sys.stderr.write(f"stale: {', '.join(stale)}; run make docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
