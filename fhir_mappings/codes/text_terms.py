"""Words that matter in entries without a usable code: whole words, guarded against negation and family history.

A match never clears or convicts a patient: it asks for review (DATA-TEXT).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fhir_mappings.codes.concepts import LONGEST_TEXT

_BLEED = r"(?:ha?emorrhages?|ha?emorrhagic|bleed(?:s|ing)?|ha?ematomas?)"
_HEAD = (
    r"(?:intracranial|intracerebral|intraventricular|intraparenchymal|cerebral|cerebellar|cerebrum|cerebellum|brain"
    r"|brain ?stem|subarachnoid|subdural|epidural|extradural|pontine|thalamic|basal ganglia)"
)
SAFETY_TERMS = {
    "schizophrenia": r"schizo(?:phreni(?:a|c|form)|affective|typal)",
    "psychosis": r"psychos[ie]s|psychotic|delusional|delusions?|hallucinations?|paranoi(?:a|d)(?! personality)",
    "mania": r"mani(?:a|c)|hypomani(?:a|c)|bipolar|cyclothymi(?:a|c)",
    "interstitial cystitis": r"interstitial cystitis|cystitis,? interstitial|ulcerating cystitis"
    r"|(?:painful bladder|bladder pain) syndrome",
    "intracranial bleeding": rf"{_HEAD} (?:\w+ ){{0,2}}?{_BLEED}|{_BLEED},? (?:\w+ ){{0,4}}?{_HEAD}"
    r"|ha?emorrhagic (?:stroke|cva|infarct)|stroke,? ha?emorrhagic|sah|sdh",
    "raised intracranial pressure": r"(?:raised|increased|elevated|high) (?:icp|intracranial pressure)"
    r"|intracranial hypertension|pseudotumou?r cerebri|hydrocephalus|(?:cerebral|brain) (?:o?edema|swelling)"
    r"|compression of (?:the )?brain|brain compression|iih",
    "aneurysm": r"aneurysms?|aortic dissection|arteriovenous malformations?|avm",
    "severe heart disease": r"(?:unstable|refractory|progressive|new onset) angina|angina,? (?:decubitus|class)"
    r"|post ?infarct(?:ion)? angina|preinfarction syndrome|acute (?:coronary|ischa?emic)|dressler"
    r"|(?:heart|cardiac|ventricular|cardiorespiratory) failure|chf|cardiac arrest"
    r"|ventricular (?:tachycardia|fibrillation|flutter)|torsades?(?: de pointes)?"
    r"|(?:myocardial|cardiac|atrial) infarct(?:ion)?s?|infarct(?:ion)? of (?:the )?(?:heart|papillary)|heart attacks?"
    r"|n?stemi",
    "chronic heart disease": r"atrial (?:fibrillation|flutter)|cardiomyopath(?:y|ies)|aortic (?:valve )?stenosis"
    r"|pulmonary (?:arterial )?hypertension|(?:complete|third degree) (?:\w+ )?(?:heart|atrioventricular|av) block"
    r"|(?:heart|atrioventricular|av) block,? complete|long qt|coronary (?:artery|heart) disease"
    r"|(?:ischa?emic|atherosclerotic) heart disease|atherosclerosis of (?:\w+ ){0,4}?coronary|angina",
    "hypertensive crisis": r"hypertensive (?:crisis|emergency|urgency|encephalopathy)"
    r"|(?:malignant|accelerated|uncontrolled) (?:\w+ )?hypertensi(?:on|ve)",
    "stroke": r"(?<!heat )stroke(?! volume)|cerebrovascular accident|cva|tia|transient ischa?emic attacks?"
    r"|(?:cerebral|brain|cerebellar|lacunar) infarct(?:ion|s)?",
    "substance use": r"(?:alcohol|opioid|opiate|heroin|cocaine|cannabis|marijuana|stimulant|amphetamine"
    r"|methamphetamine|sedative|hallucinogen|inhalant|ketamine|pcp|phencyclidine|poly ?substance|substance|drug)"
    r" (?:use disorder|dependen(?:ce|cy|t)|abuse|addiction|misuse)|alcoholi(?:sm|c)|addiction",
    "liver disease": r"cirrhosis|cirrhotic|(?:liver|hepatic) (?:failure|disease|impairment|encephalopathy|coma)"
    r"|chronic (?:\w+ )?hepatitis|hepatorenal|portal hypertension",
    "hyperthyroidism": r"hyperthyroid(?:ism)?|thyrotoxic(?:osis)?|thyroid storm|overactive thyroid|graves'? disease",
    "angle-closure glaucoma": r"angle closure|closed angle|narrow angles?",
    "seizures": r"epilep(?:sy|tic)|seizures?|convulsions?",
    "respiratory risk": r"copd|chronic obstructive|emphysema|sleep apno?ea|osa|hypox(?:a?emia|ia)"
    r"|respiratory (?:failure|insufficiency|depression)",
    "dementia or delirium": r"dementia|alzheimer'?s?|delirium|neurocognitive disorder",
    "urinary symptoms": r"dysuria|(?:urinary|micturition|bladder) (?:frequency|urgency|incontinence|pain)"
    r"|painful (?:urination|micturition)|frequency of micturition|ha?ematuria|overactive bladder",
    "breast-feeding": r"breast ?feed(?:s|ing)|breast ?fed|lactating|nursing mother",
    "resistant hypertension": r"resistant hypertension",
    "pregnancy": r"(?<!past )(?<!previous )(?<!history of other complications of )pregnan(?:t|cy)",
    "ketamine": r"(?:es)?ketamine|ketalar|spravato",
}
INDICATION_TERMS = {
    "depression": r"depress(?:ion|ive|ed)|mdd|dysthymi(?:a|c)",
    "suicidality": r"suicid(?:e|al|ality)",
}


class _Terms:
    """Compiled terms. Nearly every text of a chart holds none of them: one search in lower case tells."""

    def __init__(self, terms: Mapping[str, str]) -> None:
        self.any = re.compile(rf"\b(?:{'|'.join(terms.values())})\b")
        self.each = {term: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for term, pattern in terms.items()}


_SAFETY, _INDICATION = _Terms(SAFETY_TERMS), _Terms(INDICATION_TERMS)

_RELATIVE = (
    r"(?:mother|father|brother|sister|parent|sibling|son|daughter|grand(?:mother|father|parent|son|daughter)"
    r"|wife|husband|spouse|partner|(?:maternal|paternal) (?:aunt|uncle|side|family|relative|cousin))"
)
_THE_PATIENT = "(?<!new )(?<!single )(?<!young )(?<!teenage )"  # a single mother is the patient, no relative
_NOT_DENIED = "(?<!not )(?<!not be )(?<!not been )(?<!not yet )(?<!not yet been )"
_TURN = r"(?:with|for|on|despite|in|into|from|over|since|after|during|due|because|except|than)\b"
_FIVE_WORDS = r"(?:\W+\w+){0,5}\W*$"
# What stands between a guard and its term, in one clause. A guard that reaches too far hides an illness: only the
# plain ones speak for any five words. "Rule out" is none: it means suspected.
_GUARDS = {
    "strong": rf"\b{_NOT_DENIED}(?:denies|denied|negative for|free of|absence of|ruled out|family (?:history|hx) of"
    r"|no (?:history|hx|evidence|signs?) of|fhx?(?: of)?|(?<!positive )screen(?:ing)? for)\b" + _FIVE_WORDS,
    "weak": rf"\b(?:no(?! longer)|without)\b(?:[^\w:]+(?!{_TURN})\w+){{0,5}}[^\w:]*$",
    "right before": r"\b(?:not|never)(?: (?:be|been|is|was|has|have|had|currently|an?|the|any)){0,5} $",
    "a relative has it": rf"\b{_THE_PATIENT}{_RELATIVE}(?:['\u2019]s\b| (?:has|had|with|is|was|who)\b| ?:)"
    + _FIVE_WORDS,
    "a relative's": rf"\b{_THE_PATIENT}{_RELATIVE}\W+$",
    "part of the word": r"\bnon $",  # "non psychotic"; but "non ST elevation infarction" is one
}
_GUARD = re.compile("|".join(_GUARDS.values()), re.IGNORECASE)
_SIGHT = 200  # characters in which guards are looked for
_TRAILING_GUARD = re.compile(
    r"^[\s:,(-]*(?:ruled out|excluded|denied|(?:screen(?:ing)? )?negative|absent|not (?:present|found|seen|detected)"
    r"|in (?:mother|father|family))\b",
    re.IGNORECASE,
)
_POSITIVE = re.compile(r"^[\s:,(-]*(?:screen(?:ing)? )?positive\b", re.IGNORECASE)  # "screening for mania: positive"
# A comma ends a clause too: "no mania, schizophrenia since 2010" must not hide the schizophrenia.
_CLAUSE = re.compile(r"[.;,]|\bbut\b|\bhowever\b", re.IGNORECASE)
_GAPS = re.compile(r"[\s_-]+")


def safety_terms_in(texts: Iterable[str]) -> frozenset[str]:
    """The safety terms that stand unguarded in any of the texts."""
    return _matches(_SAFETY, texts)


def indication_terms_in(texts: Iterable[str]) -> frozenset[str]:
    """The indication terms that stand unguarded in any of the texts."""
    return _matches(_INDICATION, texts)


def _matches(terms: _Terms, texts: Iterable[str]) -> frozenset[str]:
    plain = [_GAPS.sub(" ", text[:LONGEST_TEXT]) for text in texts]
    worth = [text for text in plain if terms.any.search(text.casefold())]
    if not worth:
        return frozenset()
    return frozenset(term for term, pattern in terms.each.items() if any(_unguarded(pattern, text) for text in worth))


def _unguarded(pattern: re.Pattern[str], text: str) -> bool:
    return any(
        not _guarded(text[max(0, match.start() - _SIGHT) : match.start()], text[match.end() : match.end() + _SIGHT])
        for match in pattern.finditer(text)
    )


def _guarded(before: str, behind: str) -> bool:
    if _POSITIVE.match(behind):
        return False
    return bool(_GUARD.search(_CLAUSE.split(before)[-1]) or _TRAILING_GUARD.match(behind))
