"""What the words of a medication entry say: why it was stopped, and what else than depression it was given for.

Whole words, one clause at a time. A denial or a doubt in the clause takes the statement back: what is not surely said
is not said. Bare "failure" says nothing, hearts and authorisations fail too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CLAUSES = re.compile(r"[.;,:()\n]|\bbut\b|\balthough\b", re.IGNORECASE)
_DOUBT = re.compile(
    r"\b(no|not|never|without|denies|denied|neither|nor|wasn'?t|isn'?t|didn'?t|rather than|ruled out|excluded"
    r"|yet|so far|too early"
    r"|(?:low|lower|lowest|starting|initial|small|smaller|reduced|sub-?therapeutic) dos(?:e|es|age)"
    r"|unlikely|possibl[ey]|perhaps|maybe|may|might|if|unless|until|risk|fear|suspect(?:ed)?|questionable)\b|\?",
    re.IGNORECASE,
)
_WORTH = "response|effect|efficacy|benefit|improvement|relief"
_TREATMENT = "treatment|therapy|therapeutic|trial|medication|medicine|drug|antidepressant"
_INEFFECTIVE = re.compile(
    r"\b(?:ineffective(?:ness)?|inefficac\w+|non-?respon(?:se|der|sive)|unresponsive"
    r"|not (?:been )?(?:very |sufficiently )?(?:effective|helpful|helping|working|responding)"
    rf"|no (?:adequate |sufficient |clinical |significant |therapeutic |antidepressant )?(?:{_WORTH})"
    rf"|(?:lack|absence) of (?:adequate |sufficient |clinical |therapeutic )?(?:{_WORTH})"
    rf"|(?:inadequate|insufficient|poor) (?:clinical |therapeutic |treatment )?(?:{_WORTH})"
    r"|(?:did not|didn'?t|does not|doesn'?t|has not|hasn'?t) (?:work(?:ed)?|help(?:ed)?|respond(?:ed)?)"
    rf"|(?:{_TREATMENT}) failure|failure of (?:the )?(?:{_TREATMENT})|(?:{_TREATMENT}) (?:has |have )?failed"
    rf"|failed (?:the )?(?:{_TREATMENT})(?! screen| test)|failed to (?:respond|improve|help|remit|work))\b",
    re.IGNORECASE,
)
_ONLY_FAILED = re.compile(r"\s*(?:it |has |have )*(?:failed|failure)\s*", re.IGNORECASE)
_INTOLERANCE = re.compile(
    r"\b(?:side[- ]?effects?|adverse|intoleran\w+|sintol|not tolerat\w+|poorly tolerated|(?:un|in)tolerable"
    r"|unable to tolerate|fail(?:ed|ure|s|ing)? to tolerate|did(?: not|n'?t) tolerate"
    r"|could(?: not|n'?t) tolerate|allerg\w+|hypersensitiv\w+|rash|nausea|vomiting|sedation"
    r"|weight gain|sexual dysfunction|serotonin syndrome|hyponatr(?:a)?emia|toxicity)\b",
    re.IGNORECASE,
)
_DEPRESSION = re.compile(r"\b(?:depress\w*|dysthymi\w*|mdd|mood|melancholi\w*|postpartum|bipolar)\b", re.IGNORECASE)
# What was not taken cannot have failed.
_NOT_TAKEN = re.compile(
    r"\b(?:non-?adheren\w*|non-?complian\w*|not (?:adherent|compliant|adhering|taking|taken)"
    r"|never (?:took|taken|started)"
    r"|(?:poor|low|lack of|inadequate) (?:adherence|compliance)|(?:missed|skipped) doses)\b",
    re.IGNORECASE,
)
# The purposes of the clinical content that are clearly others than depression, in the clinician's words.
_PURPOSES = (
    ("sleep", r"insomni\w*|sleep\w*"),
    ("pain", r"\w*pain|neuropath\w*|\w*neuralgia|fibromyalgi\w*|migraines?|headaches?|\w*algia"),
    ("smoking cessation", r"smok\w*|tobacco|nicotine|cigarettes?"),
    ("weight", r"obes\w*|overweight|weight loss|weight management"),
    ("hot flushes", r"vasomotor|hot (?:flash|flush)(?:es)?|menopaus\w*"),
    ("Parkinson's disease", r"parkinson\w*"),
    ("itching", r"itch\w*|prurit\w*|urticaria|eczema|dermatitis"),
    ("enuresis", r"enuresis|bed-?wetting"),
)
# Nor does it say anything of the depression that nobody answered the phone, or that another complaint stayed.
_OTHER_END = re.compile(
    r"\s*(?:(?:for|of|on|with|to|against|in|from)\b.*?\b|(?:the |her |his |their |my )?)(?:phone|calls?|messages?"
    r"|outreach|letters?|voicemails?|e-?mails?|contact|portal|reminders?|nausea|vomiting|anxiety|panic|ocd|ptsd|adhd"
    rf"|{'|'.join(words for _, words in _PURPOSES)})\b",
    re.IGNORECASE,
)
_PURPOSE_PATTERNS = tuple((name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for name, words in _PURPOSES)

# A reason that is a bare code: ICD-10-CM by what it begins with; what begins otherwise leaves the purpose open.
_BARE_CODE = re.compile(r"[A-Za-z]?\d[\w.-]*", re.ASCII)
_DEPRESSION_CODES = ("F32", "F33", "F341", "F313", "F314", "F315", "F530")
_PURPOSE_CODES = (
    ("sleep", ("G470", "F510")),
    ("pain", ("G43", "M797", "G89", "M54", "G62", "E114")),
    ("smoking cessation", ("F17", "Z720")),
    ("weight", ("R63", "E66")),
    ("hot flushes", ("N951",)),
    ("obsessive-compulsive disorder", ("F42",)),
    ("enuresis", ("N3944",)),
)


def ineffective(texts: Iterable[str]) -> bool:
    """Whether any text surely says that the medicine did not work."""
    return any(
        _says_ineffective(clause) for text in texts if not _NOT_TAKEN.search(text) for clause in _CLAUSES.split(text)
    )


def _says_ineffective(clause: str) -> bool:
    if _ONLY_FAILED.fullmatch(clause):
        return True
    found = _INEFFECTIVE.search(clause)
    if found is None or (_OTHER_END.match(clause[found.end() :]) and not _DEPRESSION.search(clause)):
        return False
    # The statement itself may begin with "no" or "not": the doubt is looked for around it.
    return not _DOUBT.search(clause[: found.start()] + " " + clause[found.end() :])


def intolerance(texts: Iterable[str]) -> bool:
    """Whether any text names a side effect or an intolerance as the reason to stop, not denied in its clause."""
    for text in texts:
        for clause in _CLAUSES.split(text):
            found = _INTOLERANCE.search(clause)
            if found is not None and not _DOUBT.search(clause[: found.start()]):
                return True
    return False


def for_depression(reasons: Iterable[str]) -> bool:
    """Whether any reason names depression."""
    return any(_DEPRESSION.search(reason) or _coded(reason, _DEPRESSION_CODES) for reason in reasons)


def other_purpose(reasons: Iterable[str]) -> str:
    """What else than depression it was clearly given for; empty when depression or nothing clear is said."""
    reasons = tuple(reasons)
    if not reasons or for_depression(reasons):
        return ""
    worded = (name for name, words in _PURPOSE_PATTERNS if any(words.search(reason) for reason in reasons))
    coded = (name for name, begins in _PURPOSE_CODES if any(_coded(reason, begins) for reason in reasons))
    return next(worded, "") or next(coded, "")


def says_nothing(reasons: Iterable[str]) -> bool:
    """Whether there are reasons, and all are bare codes that tell neither depression nor another purpose."""
    reasons = tuple(reasons)
    return (
        all(map(_BARE_CODE.fullmatch, reasons))
        and bool(reasons)
        and not for_depression(reasons)
        and not other_purpose(reasons)
    )


def _coded(reason: str, begins: tuple[str, ...]) -> bool:
    return _BARE_CODE.fullmatch(reason) is not None and reason.upper().replace(".", "").startswith(begins)
