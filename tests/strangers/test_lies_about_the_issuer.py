"""An `iss` that is not registered, however it is written: no look-up, no request, a page (L-1, C10, C11)."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest

from smart_app.sandbox.clinician import Clinician
from tests.strangers.conftest import Lied

pytestmark = pytest.mark.anyio

# PORT is the canary's, OWN the registered EHR's host and port.
ISSUERS = (
    "http://127.0.0.1:PORT/fhir", "http://127.1:PORT/fhir", "http://2130706433:PORT/fhir", "http://0x7f000001:PORT/fhir",
    "http://017700000001:PORT/fhir", "http://0177.0.0.1:PORT/fhir", "http://0:PORT/fhir", "http://[::1]:PORT/fhir",
    "http://[::ffff:127.0.0.1]:PORT/fhir", "http://[::ffff:7f00:1]:PORT/fhir", "http://0.0.0.0:PORT/fhir",
    "http://localhost:PORT/fhir", "http://LOCALHOST:PORT/fhir", "http://localhost.:PORT/fhir",
    "http://169.254.169.254/latest/meta-data", "http://100.64.0.1/fhir", "http://[fd00::1]/fhir", "http://10.0.0.1/fhir",
    "http://[64:ff9b::7f00:1]/fhir", "http://[2002:7f00:1::]/fhir", "http://metadata.google.internal/fhir",
    "https://evil.test/fhir", "http://evil.test:PORT/fhir", "http://127.0.0.1.evil.test:PORT/fhir",
    "http://OWN.evil.test/fhir", "http://OWN@evil.test:PORT/fhir", "http://user:password@OWN/fhir",
    "http://OWN\\@evil.test:PORT/fhir", "http:\\\\OWN\\fhir", "http://OWN#@evil.test:PORT/fhir", "http://OWN/fhir#part",
    "http://OWN/fhir?x=1", "http://OWN/fhir/../admin", "http://OWN/fhir/%2e%2e/admin", "http://OWN/fhir%2f..%2fadmin",
    "http://OWN/fhir;x", "http://OWN/fhir//", "http://OWN/", "http://OWN", "http://OWN/fhir-other", "http://OWN/FHIR",
    "https://OWN/fhir", "//OWN/fhir", "OWN/fhir", "/fhir", "file:///etc/passwd", "gopher://127.0.0.1:PORT/_x",
    "ftp://OWN/fhir", "javascript:alert(1)", "data:text/html,x", "http://", "http:///fhir", "http://OWN:0/fhir",
    "http://OWN\r\nX-Forged: 1/fhir", "http://OWN/fhir\x00", " http://OWN/fhir", "http://OWN/fhir ", "http://OWN/fhir\u200b",
    "http://xn--bcher-kva.test/fhir", "http://b\u00fccher.test/fhir", "<script>alert(1)</script>", "x" * 10_000,
)  # fmt: skip


def named(issuer: str) -> str:
    return "L-1 " + quote(issuer[:40], safe=":/@#?;.[]")


@pytest.mark.parametrize("issuer", [pytest.param(issuer, id=named(issuer)) for issuer in ISSUERS])
async def test_an_issuer_that_is_not_registered_is_refused_unasked(
    lied: Lied, browser: Clinician, issuer: str
) -> None:
    own = lied.ehr.url.removeprefix("http://")
    iss = issuer.replace("PORT", str(lied.canary.port)).replace("OWN", own)
    lied.ehr.asked.clear()
    page = lied.seen(await browser.open(f"{lied.app.url}/launch?{urlencode({'iss': iss, 'launch': 'any-launch'})}"))
    lied.check_refusal(page, status=400, words="This EHR is not set up for the app", reason="issuer-unknown")
    assert "<script>alert" not in page.html
    assert lied.ehr.asked == []


@pytest.mark.parametrize(
    "query",
    [
        pytest.param("iss={own}/fhir&iss=http://evil.test/fhir&launch=x", id="L-1 given twice"),
        pytest.param("iss={own}/fhir&launch=x&launch=y", id="L-1 launch given twice"),
        pytest.param("launch=x", id="L-1 C10 not given"),
        pytest.param("iss=&launch=x", id="L-1 C10 empty"),
    ],
)
async def test_a_launch_that_names_no_one_ehr_is_refused(lied: Lied, browser: Clinician, query: str) -> None:
    lied.ehr.asked.clear()
    page = lied.seen(await browser.open(f"{lied.app.url}/launch?{query.format(own=lied.ehr.url)}"))
    lied.check_refusal(page, status=400, words="This EHR is not set up for the app", reason="issuer-unknown")
    assert lied.ehr.asked == []


@pytest.mark.parametrize(
    "iss",
    [pytest.param("{own}/fhir/", id="L-1 C21 a slash more"), pytest.param("{shout}/fhir", id="L-1 C21 capitals")],
)
async def test_the_registered_issuer_is_known_however_it_is_written(lied: Lied, browser: Clinician, iss: str) -> None:
    """C21: and goes back to the EHR to the letter, as aud."""
    sent = iss.format(own=lied.ehr.url, shout=lied.ehr.url.replace("http", "HTTP"))
    await browser.open(f"{lied.app.url}/launch?{urlencode({'iss': sent, 'launch': 'any-launch-value'})}")
    (asked,) = [dict(one.pairs) for one in lied.ehr.asked if one.path == "/oauth/authorize"]
    assert asked["aud"] == sent
