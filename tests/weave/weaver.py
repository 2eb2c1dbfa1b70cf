"""Clinicians who do everything out of order: tabs of several launches and patients, one step of one tab at a time.

The oracle knows nothing of how the app tells launches apart. It reads the banner of the page that was in front of the
clinician, lets the page send its form, and then looks into the database for whatever changed, and for whom.
"""

from __future__ import annotations

import html
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from fhir_mappings.facts.treatment import Route
from tests.answers import before_answers
from tests.in_process import APP, EHR, Browser, Clinic

LONGEST_HISTORY = 8
FIRST_DAY = 28  # days ago; a session for each day since can be entered

_BANNER = re.compile(r'class="patient [^"]*".*?<strong>([^<]+)</strong>', re.DOTALL)
_FORM = re.compile(r'<form[^>]* action="([^"]*)".*?</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')
_SESSION = re.compile(r"/session/([0-9a-f-]{36})")
_FORMS = ("/fields", "/entries/note", "/entries/reading", "/progress/score", "/session", "/enrolment", "/screening")
_CHOICES = ("/choose",)  # between what two have written: nothing is signed before somebody chose

# What is kept of a patient: a row's key, whose it is, and what changes when the row does.
_KEPT = {
    "drafts": "select patient || form || author, patient, saved from drafts",
    "courses": "select id, patient, version from courses",
    "sessions": "select s.id, c.patient, s.version from sessions s join courses c on c.id = s.course",
    "screenings": "select id, patient, 0 from screenings",
    "answers": "select id, patient, 0 from answers",
    "scores": "select id, patient, 0 from scores",
    "outcome_decisions": "select id, patient, 0 from outcome_decisions",
    "messages": "select id, patient, 0 from messages",
}
_ALL_KEPT = " union all ".join(query.replace("select ", f"select '{table}', ", 1) for table, query in _KEPT.items())


@dataclass(frozen=True)
class Form:
    action: str
    hidden: dict[str, str]


@dataclass(frozen=True)
class Shown:
    """A page as it once came; `whose` is the name in its banner."""

    url: str
    body: str
    whose: str

    @property
    def launch(self) -> str:
        return _launch_of(self.url)

    def forms(self, *endings: str) -> list[Form]:
        return [
            Form(html.unescape(found[1]), {name: html.unescape(value) for name, value in _HIDDEN.findall(found[0])})
            for found in _FORM.finditer(self.body)
            if found[1].endswith(endings)
        ]


def _launch_of(url: str) -> str:
    return urlsplit(url).path.split("/")[2]


@dataclass
class Tab:
    """`pages` go back from `at`; `returning` is a launch that has come as far as the EHR's answer."""

    browser: Browser
    pages: list[Shown] = field(default_factory=list)
    at: int = -1
    returning: httpx.Response | None = None

    @property
    def page(self) -> Shown | None:
        return self.pages[self.at] if self.pages else None

    def show(self, answer: httpx.Response, whose: str = "") -> Shown:
        """`whose` page it has to be, where a page was there before."""
        found = _BANNER.search(answer.text)
        assert found is not None, f"a page without a banner: {answer.status_code}"
        page = Shown(str(answer.url), answer.text, html.unescape(found[1]))
        assert whose in ("", page.whose), f"the page of {whose} changed to one of {page.whose}"
        self.pages = [*self.pages[: self.at + 1], page][-LONGEST_HISTORY:]
        self.at = len(self.pages) - 1
        return page


@dataclass
class Weaver:
    """`patients` by their name in the banner. `counted` is what happened."""

    clinic: Clinic
    tabs: list[Tab]
    patients: dict[str, str]
    chance: random.Random
    counted: Counter[str] = field(default_factory=Counter)
    said: dict[str, str] = field(default_factory=dict)  # a word of ours -> the patient whose page said it
    signed: dict[str, str] = field(default_factory=dict)  # a session -> the patient whose page signed it
    next_day: dict[str, int] = field(default_factory=dict)

    async def step(self) -> None:
        """One thing in one tab."""
        tab = self.chance.choice(self.tabs)
        if tab.returning is not None and self.chance.random() < 0.5:
            return await self.come_back(tab)
        if tab.page is None:
            return await self.launch(tab)
        verbs = (self.launch, self.reload, self.back, self.edit, self.sign)
        verb = self.chance.choices(verbs, weights=(6, 14, 20, 38, 22))[0]
        await verb(tab)
        return None

    async def launch(self, tab: Tab) -> None:
        """From the chart to the EHR's answer; the way back is often left for later."""
        patient = self.chance.choice(sorted(self.patients.values()))
        chart = await tab.browser.ask("GET", f"{EHR}/chart/{patient}/open")
        question = await tab.browser.ask("GET", chart.headers["location"])
        tab.returning = await tab.browser.ask("GET", question.headers["location"])
        self.counted["launch"] += 1
        if self.chance.random() < 0.5:
            await self.come_back(tab)

    async def come_back(self, tab: Tab) -> None:
        assert tab.returning is not None
        answer, tab.returning = tab.returning, None
        opened = await tab.browser.follow(answer)
        assert opened.status_code == 200
        tab.show(opened)

    async def reload(self, tab: Tab) -> None:
        page = tab.page
        assert page is not None
        answer = await tab.browser.get(page.url, came_from=page.url)
        assert answer.status_code == 200, f"a page was answered {answer.status_code}"
        tab.show(answer, page.whose)
        self.counted["reload"] += 1

    async def back(self, tab: Tab) -> None:
        """The browser shows the page as it was, without asking anybody."""
        tab.at = max(tab.at - 1, 0)
        self.counted["back"] += 1

    async def edit(self, tab: Tab) -> None:
        """One of the page's forms, or a page that has one."""
        assert tab.page is not None
        forms = tab.page.forms(*_CHOICES)
        forms = forms or [
            form for form in tab.page.forms(*_FORMS) if self.rarely or not form.action.endswith("/screening")
        ]
        if forms:
            form = self.chance.choice(forms)
            await self.submit(tab, form, self.typed(form, tab.page.whose))
            self.counted["choose" if form.action.endswith(_CHOICES) else "edit"] += 1
            return
        place = self.chance.choice(("session", "session", "enrolment", "progress"))
        await self.visit(tab, place)

    async def sign(self, tab: Tab) -> None:
        """The note's button, or the way to the note."""
        assert tab.page is not None
        forms = tab.page.forms("/sign")
        if forms:
            await self.submit(tab, forms[0], {"attest": "yes"})
            self.counted["sign"] += 1
            return
        session = _SESSION.search(tab.page.url)
        await self.visit(tab, f"session/{session[1]}/sign" if session else "session")

    @property
    def rarely(self) -> bool:
        return self.chance.random() < 0.1

    async def visit(self, tab: Tab, place: str) -> None:
        page = tab.page
        assert page is not None
        answer = await tab.browser.get(f"{APP}/l/{page.launch}/{place}", came_from=page.url)
        assert answer.status_code == 200, f"a page was answered {answer.status_code}"
        tab.show(answer, page.whose)

    def typed(self, form: Form, whose: str) -> dict[str, str]:
        """What a clinician enters; where a text is kept, a word that is never said twice."""
        word = f"word{len(self.said):05}x"
        self.said[form.hidden["entry"] if form.action.endswith("/score") else word] = self.patients[whose]
        if form.action.endswith("/fields"):
            dose = {"dose.given_mg": "100", "dose.started": "09:00", "dose.lot": word}
            dose |= before_answers(Route.SL)
            return dose | {"gate.reason": f"measured at home, {word}", "do": "stay"}
        if form.action.endswith("/entries/note"):
            return {"note.text": word, "note.time": "09:10"}
        if form.action.endswith("/entries/reading"):
            return {"reading.systolic": "120", "reading.diastolic": "80", "reading.time": "09:20"}
        if form.action.endswith("/score"):
            return {"total": "12", "item9": "0", "date": self.day_of(whose)}
        if form.action.endswith("/enrolment"):
            return {"route": "SL", "emergency_name": word, "do": "plan"}
        if form.action.endswith("/choose"):
            return {"place": "0"}
        if form.action.endswith("/session"):
            return {"held": self.day_of(whose), "reason": f"entered afterwards, {word}"}
        return {}

    def day_of(self, whose: str) -> str:
        """The next day of this patient on which nothing happened yet."""
        days = self.next_day[whose] = self.next_day.get(whose, FIRST_DAY) - 1
        return (date.today() - timedelta(days=max(days, 0))).isoformat()  # noqa: DTZ011  # the clinic's own day

    async def submit(self, tab: Tab, form: Form, typed: dict[str, str]) -> None:
        """Send a form as its page would, or somewhere else; then see whose records changed."""
        page = tab.page
        assert page is not None
        form, crossed = self.crossed(tab, form) if self.chance.random() < 0.3 else (form, "")
        whose = f"{EHR}/fhir/Patient/{self.patients[page.whose]}"
        before, audited = self.kept(), self.refusals()
        answer = await tab.browser.ask("POST", f"{APP}{form.action}", fields=form.hidden | typed, came_from=page.url)
        changed = {row: at for row, at in self.kept().items() if before.get(row) != at}
        for (table, _key), (patient, _version) in changed.items():
            assert patient == whose, f"the page of {page.whose} changed {table} of {patient}"
            self.counted[f"write: {table}"] += 1
        if crossed:
            right = {401} if crossed == "other browser" else {403, 409}
            assert answer.status_code in right, f"{crossed} was answered {answer.status_code}"
            assert not changed, crossed
            assert self.refusals() > audited, f"no audit record: {crossed}"
            self.counted[f"refused: {crossed}, {answer.status_code}"] += 1
            return
        assert answer.status_code in (200, 303, 403, 409, 422), answer.status_code
        self.counted[f"answered {answer.status_code}"] += 1
        if form.action.endswith("/sign") and answer.status_code == httpx.codes.SEE_OTHER and changed:
            found = _SESSION.search(form.action)
            assert found is not None
            self.signed[found[1]] = self.patients[page.whose]
            self.counted["signed"] += 1
        if answer.status_code == httpx.codes.SEE_OTHER:
            shown = await tab.browser.follow(answer)
            assert shown.status_code == 200
            tab.show(shown, page.whose)

    def crossed(self, tab: Tab, form: Form) -> tuple[Form, str]:
        """The same form under another launch, with another's session, or with half of another page's marks."""
        others = [one for one in self.pages() if one[1].launch != _launch_of(f"{APP}{form.action}")]
        if not others:
            return form, ""
        other, page = self.chance.choice(others)
        elsewhere = form.action.replace(f"/l/{_launch_of(f'{APP}{form.action}')}/", f"/l/{page.launch}/")
        if other.browser is not tab.browser:
            return Form(elsewhere, form.hidden), "other browser"
        marks = page.forms("/fields", "/entries/note", "/session", "/score", "/enrolment", "/sign", "/screening")
        way = self.chance.choice(("other launch", "other launch's name", "other patient's mark", "other session"))
        if way == "other launch's name":
            return Form(elsewhere, form.hidden | {"_launch": page.launch}), way
        if way == "other patient's mark" and marks:
            return Form(form.action, form.hidden | {"_patient": marks[0].hidden["_patient"]}), way
        theirs = _SESSION.search(page.url)
        if (
            way == "other session"
            and theirs
            and page.whose != tab.pages[tab.at].whose
            and _SESSION.search(form.action)
        ):
            return Form(_SESSION.sub(f"/session/{theirs[1]}", form.action), form.hidden), way
        return Form(elsewhere, form.hidden), "other launch"

    def pages(self) -> Iterator[tuple[Tab, Shown]]:
        return ((tab, page) for tab in self.tabs for page in tab.pages)

    def kept(self) -> dict[tuple[str, str], tuple[str, Any]]:
        """Every row that belongs to a patient, by table and key: whose it is, and its version."""
        return {(table, key): (patient, version) for table, key, patient, version in self.clinic.rows(_ALL_KEPT)}

    def refusals(self) -> int:
        """Audit records of what was refused."""
        return int(self.clinic.rows("select count(*) from audit where body like '%\"refused\"%'")[0][0])

    def misplaced(self) -> list[str]:
        """Where a word of ours stands under another patient than that of its page, in the app and in the EHR."""
        wrong = []
        for place, patient, text in self.everything():
            theirs = {self.said[word] for word in re.findall(r"word\d{5}x", text) if self.said[word] != patient}
            wrong += [f"{place} of {patient} holds words for {one}" for one in theirs]
        return wrong

    def everything(self) -> Iterator[tuple[str, str, str]]:
        """Every kept text with its place and its patient's id."""
        queries = {
            "drafts": "select patient, body from drafts",
            "courses": "select patient, body from courses",
            "sessions": "select c.patient, s.body from sessions s join courses c on c.id = s.course",
            "messages": "select patient, contents from messages",
        }
        for table, query in queries.items():
            for patient, text in self.clinic.rows(query):
                yield table, patient.rpartition("/")[2], text
        for patient in self.patients.values():
            for kind in ("Procedure", "MedicationAdministration", "Observation", "CarePlan"):
                for resource in self.clinic.ehr.charts.store.of_patient(kind, patient):
                    yield f"EHR {kind}", patient, json.dumps(resource)
