"""What an EHR says of itself, held against its registration before the first launch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx

from launch.exchange import EhrClients
from launch.transport import Transports
from smart_app.ehr.fhir_client import http_client
from smart_app.ehr.metadata import public_statement
from smart_app.registration.online import Fit, fit_of
from tests.launch.an_ehr import ID_ISSUER, ISSUER, JWKS_URL, OPENID, START, Ehr, a_document
from tests.smart_app.registration.test_advice import READ, registered
from tests.ways_out import a_way_out

WRITTEN = (
    "CarePlan", "Procedure", "MedicationAdministration", "Observation", "Provenance", "QuestionnaireResponse",
    "MedicationStatement", "AdverseEvent",
)  # fmt: skip


def statement(*, version: str | None = "4.0.1", created: tuple[str, ...] = WRITTEN, **changes: Any) -> dict[str, Any]:
    searched = [*READ, "Observation", "MedicationStatement"]
    resources = [{"type": kind, "interaction": [{"code": "search-type"}]} for kind in searched]
    resources += [{"type": kind, "interaction": [{"code": "create"}]} for kind in created]
    rest = {"mode": "server", "resource": resources, "interaction": [{"code": "transaction"}]} | changes
    return {"resourceType": "CapabilityStatement", "fhirVersion": version, "rest": [rest]}


@pytest.fixture
def ehr() -> Iterator[Ehr]:
    with respx.mock(assert_all_called=False) as router:
        made = Ehr(router)
        serve(made)
        yield made


def serve(ehr: Ehr, status: int = 200, **changes: Any) -> None:
    answer = httpx.Response(status, json=statement(**changes), headers={"content-type": "application/fhir+json"})
    ehr.router.get(f"{ISSUER}/metadata").mock(return_value=answer)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def looked_at(*, sign_in_again: bool = False, **changes: Any) -> Fit:
    registration, clients = registered(**changes), EhrClients(Transports())
    async with http_client(a_way_out()) as http:
        found = await fit_of(
            registration,
            clients=clients,
            clock=lambda: START,
            statement=lambda: public_statement(registration.issuer, http, lambda: START),
            sign_in_again=sign_in_again,
        )
    await clients.aclose()
    return found


@pytest.mark.anyio
async def test_an_ehr_that_fits_is_told_so_in_one_sentence(ehr: Ehr) -> None:
    found = await looked_at()
    assert found == Fit()
    assert found.words == "The app can be started here, and the EHR takes all that it writes."


@pytest.mark.anyio
async def test_nothing_secret_is_sent_and_nothing_but_public_documents_is_asked(ehr: Ehr) -> None:
    await looked_at()
    assert {request.method for request in ehr.requests} == {"GET"}
    assert all("authorization" not in request.headers and not request.content for request in ehr.requests)
    assert [str(request.url) for request in ehr.requests][1:] == [JWKS_URL, f"{ISSUER}/metadata"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "(PKCE S256)"),
        (
            {"token_endpoint_auth_methods_supported": ["client_secret_basic"], "capabilities": ["launch-ehr"]},
            "does not accept the registered way of signing in (private_key_jwt)",
        ),
        ({"token_endpoint": "https://evil.test/token"}, "https://evil.test List it in `hosts` if it is the EHR's."),
        ({"authorization_endpoint": None}, "does not name its authorization_endpoint"),
        ({"capabilities": ["launch-standalone"]}, "does not offer to start apps from the chart"),
        ({"jwks_uri": None}, "Every launch would fail at its end: look at id_token_issuer"),
    ],
)
async def test_c14_what_would_stop_every_launch_is_told_beforehand(
    ehr: Ehr, document: dict[str, Any], words: str
) -> None:
    ehr.document = a_document(**document)
    ehr.router.get(OPENID).mock(return_value=httpx.Response(404))
    found = await looked_at()
    assert len(found.stops) == 1, found.stops
    assert words in found.stops[0]
    assert found.words.startswith("The app cannot be started here. ")


@pytest.mark.anyio
async def test_several_reasons_are_told_together(ehr: Ehr) -> None:
    ehr.document = {"authorization_endpoint": "https://evil.test/a", "token_endpoint": "https://evil.test/t"}
    serve(ehr, version="1.0.2")
    found = await looked_at()
    assert len(found.stops) == 3  # S256, the way of signing in, and one host for both addresses
    assert "It speaks FHIR 1.0.2; the app needs 4.0." in found.words


@pytest.mark.anyio
async def test_keys_matter_only_where_the_ehr_is_asked_who_the_user_is(ehr: Ehr) -> None:
    ehr.jwks.mock(return_value=httpx.Response(503))
    assert (await looked_at(without=("openid",))).stops == ()


@pytest.mark.anyio
async def test_keys_that_cannot_be_had_stop_every_launch(ehr: Ehr) -> None:
    ehr.jwks.mock(return_value=httpx.Response(200, json={"keys": []}))
    assert "publishes no key" in (await looked_at()).words
    ehr.jwks.mock(return_value=httpx.Response(503))
    assert "Every launch would fail at its end" in (await looked_at()).words


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"version": "5.0.0"}, "It speaks FHIR 5.0.0; the app needs 4.0."),
        ({"version": None}, "It speaks FHIR of a version it does not name; the app needs 4.0."),
        (
            {"created": ("Observation", "Procedure")},
            "It does not let CarePlan, MedicationAdministration, QuestionnaireResponse, MedicationStatement",
        ),
        ({"interaction": []}, "It takes no transactions"),
        ({"resource": []}, "AllergyIntolerance be read."),
        ({"status": 401}, "It did not give its /metadata, which was asked for without a sign-in"),
        ({"status": 503}, "without a sign-in: the EHR is not available now (503)."),
    ],
)
async def test_what_will_not_work_does_not_stop_a_launch(ehr: Ehr, said: dict[str, Any], words: str) -> None:
    serve(ehr, **said)
    found = await looked_at()
    assert found.stops == ()
    assert words in found.words


@pytest.mark.anyio
async def test_only_a_list_that_names_clinical_scopes_says_what_is_not_supported(ehr: Ehr) -> None:
    ehr.document = a_document(scopes_supported=["openid", "launch", "profile"])
    assert (await looked_at()).misses == ()
    basic = ["openid", "fhirUser", "launch", "offline_access", "patient/*.read", "patient/*.c"]
    ehr.document = a_document(scopes_supported=basic)
    (told,) = (await looked_at()).misses
    assert told.startswith("Its scopes_supported lacks patient/AdverseEvent.u, patient/CarePlan.u,")
    assert told.endswith("An EHR that refuses a launch over that needs ask_only_supported = true.")
    (told,) = (await looked_at(ask_only_supported=True)).misses
    assert told.endswith("so that is not asked for.")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("said", "ours", "words"),
    [
        (["permission-v1"], "v2", 'say scope_version = "v1"'),
        (["permission-v2"], "v1", 'say scope_version = "v2"'),
        (["permission-v1", "permission-v2"], "v2", ""),
        ([], "v2", ""),
    ],
)
async def test_the_other_version_of_scopes_is_told(ehr: Ehr, said: list[str], ours: str, words: str) -> None:
    ehr.document = a_document(capabilities=["launch-ehr", "client-confidential-asymmetric", *said])
    told = " ".join((await looked_at(scope_version=ours)).misses)
    assert words in told
    assert bool(told) is bool(words)


@pytest.mark.anyio
async def test_an_ehr_that_does_not_answer_is_told(ehr: Ehr) -> None:
    ehr.well_known.mock(side_effect=httpx.ConnectError("refused"))
    assert (await looked_at()).words == "The app cannot be started here. The EHR could not be reached."


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(200, json={"issuer": ID_ISSUER, "claims_supported": ["auth_time"]}), ""),
        (httpx.Response(404), "Nothing can be signed: its claims_supported lacks auth_time"),
        (httpx.ConnectError("nobody"), "Whether its users can sign in again to sign is not known"),
    ],
)
async def test_where_the_site_asks_for_a_new_sign_in_the_ehr_must_announce_it(
    ehr: Ehr, answer: httpx.Response | Exception, words: str
) -> None:
    ehr.router.get(OPENID).mock(side_effect=[answer])
    found = await looked_at(sign_in_again=True)
    assert not found.stops
    assert " ".join(found.misses).startswith(words)
    assert bool(found.misses) is bool(words)
