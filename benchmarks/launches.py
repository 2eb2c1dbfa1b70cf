"""Twenty clinicians launch at once: from the callback to the screening page, through the whole app.

The EHR takes 50 ms (D) for each answer. Goal: p95 of ours at most 2.2 D and at most 4 ms CPU for each launch. The
floor is what no app can do without, one token request and one search after it, made by bare clients at once; the peer
reads the same chart through fhir.resources. App, EHR and browsers are processes of their own; rounds are interleaved.

Run it with `make bench`, or `python -m benchmarks.launches [ROUNDS]`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey

from benchmarks.launch import DELAY, bundle, resources
from benchmarks.served import free_port, wait_for
from fhir_mappings.wire import encode
from smart_app.app import create_app
from smart_app.settings import settings_from

AT_ONCE = 20
FEW = 3  # resources of each kind in the small chart
TICKS = os.sysconf("SC_CLK_TCK")
SCOPES = ("Patient", "Condition", "Observation", "MedicationStatement", "MedicationRequest", "AllergyIntolerance")


# --- the EHR -------------------------------------------------------------------------------------------------------


def _ehr(port: int) -> None:
    """Everything but metadata and keys takes DELAY. The code of a launch is its nonce and the size of its chart."""
    base, key = f"http://127.0.0.1:{port}", RSAKey.generate_key(2048, parameters={"kid": "ehr", "use": "sig"})
    large = {name: encode(bundle(found)) for name, found in resources().items()}
    small = {name: encode(bundle(found[:FEW])) for name, found in resources().items()}
    person = {"resourceType": "Patient", "birthDate": "1984-03-04", "gender": "male"}
    role = {"resourceType": "PractitionerRole", "id": "r", "code": [{"coding": [{"system": "s", "code": "doctor"}]}]}
    offered = [{"type": kind, "interaction": [{"code": "read"}, {"code": "search-type"}]} for kind in SCOPES]
    open_to_all = {
        "metadata": {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": offered}]},
        "jwks": {"keys": [key.as_dict(private=False)]},
        "smart-configuration": {
            "issuer": base,
            "jwks_uri": f"{base}/jwks",
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "code_challenge_methods_supported": ["S256"],
            "capabilities": ["launch-ehr", "client-confidential-asymmetric"],
        },
    }

    def token(form: dict[str, list[str]]) -> dict[str, Any]:
        nonce, _, size = form["code"][0].rpartition("-")
        now = int(time.time())
        claims = {"iss": base, "sub": "d", "aud": "bench", "iat": now, "exp": now + 300, "nonce": nonce}
        claims |= {"fhirUser": "Practitioner/d", "name": "Dr Bench"}
        return {
            "access_token": f"{size}-token",
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": "launch openid fhirUser patient/*.rs user/PractitionerRole.rs",
            "patient": size,
            "id_token": jwt.encode({"alg": "RS256", "kid": "ehr"}, claims, key, algorithms=["RS256"]),
        }

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return None
        kind, query = scope["path"].rsplit("/", 1)[-1], scope["query_string"].decode()
        if kind in open_to_all:
            return await _reply(send, encode(open_to_all[kind]))
        if kind == "token":
            answer = encode(token(parse_qs((await receive())["body"].decode())))
        elif kind == "PractitionerRole":
            answer = encode(bundle([role]))
        elif kind.startswith(("small.", "large.")):
            answer = encode(person | {"id": kind})
        else:
            patient = next(part[8:] for part in query.split("&") if part.startswith("patient="))
            named = next((part[9:] for part in query.split("&") if part.startswith("category=")), kind)
            answer = (large if patient.startswith("large") else small).get(named, encode(bundle([])))
            answer = answer.replace(b'"Patient/1"', f'"Patient/{patient}"'.encode())
        await asyncio.sleep(DELAY)
        return await _reply(send, answer)

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off")


async def _reply(send: Any, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


# --- the app -------------------------------------------------------------------------------------------------------


def _app(port: int, ehr: int, folder: str) -> None:
    scopes = ", ".join(f'"patient/{kind}.rs"' for kind in SCOPES)
    registry = Path(folder) / "ehr.toml"
    registry.write_text(
        f'[ehr.bench]\nissuer = "http://127.0.0.1:{ehr}/fhir"\nid_token_issuer = "http://127.0.0.1:{ehr}"\n'
        f'client_id = "bench"\nauth = "private_key_jwt"\nscopes = ["openid", "fhirUser", {scopes}]\n'
        '[ehr.bench.roles]\n"s|doctor" = "prescriber"\n',
        "utf-8",
    )
    given = {"KP_BASE_URL": f"http://localhost:{port}", "KP_REGISTRY": str(registry), "KP_DATA": folder}
    app = create_app(settings_from(given, demo=True))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


def cpu_of(pid: int) -> float:
    """Milliseconds of CPU that a process has used so far, in user and system mode, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / TICKS


# --- the browsers --------------------------------------------------------------------------------------------------


async def begun(http: httpx.AsyncClient, app: str, ehr: str, size: str) -> tuple[str, str]:
    """A launch as far as the EHR's own pages: the address of its callback, and the cookie that goes with it."""
    answer = await http.get(f"{app}/launch", params={"iss": f"{ehr}/fhir", "launch": "x"})
    assert answer.status_code == 303, answer.text
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    code = f"{asked['nonce'][0]}-{size}"
    callback = f"{app}/callback/bench?state={asked['state'][0]}&code={code}"
    return callback, answer.headers["set-cookie"].partition(";")[0]


async def launched(http: httpx.AsyncClient, app: str, callback: str, cookie: str) -> float:
    """Milliseconds from the callback to the screening page."""
    start = time.perf_counter()
    answer = await http.get(callback, headers={"cookie": cookie})
    held = "; ".join(line.partition(";")[0] for line in answer.headers.get_list("set-cookie"))
    for _ in range(4):
        if answer.status_code != 303:
            break
        answer = await http.get(httpx.URL(app).join(answer.headers["location"]), headers={"cookie": held})
    assert answer.status_code == 200, answer.text[:2000]
    assert "could not be read" not in answer.text
    return (time.perf_counter() - start) * 1e3


async def floor(http: httpx.AsyncClient, ehr: str, size: str) -> float:
    start = time.perf_counter()
    (await http.post(f"{ehr}/token", data={"code": f"n-{size}"})).raise_for_status()
    (await http.get(f"{ehr}/fhir/Observation?patient={size}&category=vital-signs")).raise_for_status()
    return (time.perf_counter() - start) * 1e3


async def peer(http: httpx.AsyncClient, ehr: str, size: str) -> float:
    from fhir.resources.R4B.bundle import Bundle

    start = time.perf_counter()
    await http.post(f"{ehr}/token", data={"code": f"n-{size}"})
    names = [f"Observation?category={c}&" for c in ("vital-signs", "survey", "social-history", "laboratory")]
    names += [f"{kind}?" for kind in SCOPES if kind not in {"Patient", "Observation"}]
    for reply in await asyncio.gather(*(http.get(f"{ehr}/fhir/{name}patient={size}") for name in names)):
        Bundle.model_validate_json(reply.content)
    return (time.perf_counter() - start) * 1e3


async def measure(app: str, ehr: str, pid: int, rounds: int) -> None:
    limits = httpx.Limits(max_connections=400)
    async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as http:
        for size in ("small", "large"):
            taken: dict[str, list[float]] = {"floor": [], "ours": [], "fhir.resources": []}
            cpu = 0.0
            for number in range(rounds + 1):  # the first warms up
                starts = [await begun(http, app, ehr, f"{size}.{each}") for each in range(AT_ONCE)]
                before = cpu_of(pid)
                ours = await asyncio.gather(*(launched(http, app, *start) for start in starts))
                spent = cpu_of(pid) - before
                bare = await asyncio.gather(*(floor(http, ehr, f"{size}.0") for _ in range(AT_ONCE)))
                theirs = await asyncio.gather(*(peer(http, ehr, f"{size}.0") for _ in range(AT_ONCE)))
                if number:
                    cpu += spent
                    for name, values in zip(taken, (bare, ours, theirs), strict=True):
                        taken[name] += values
            report(size, taken, cpu / (rounds * AT_ONCE), rounds)


def report(size: str, taken: dict[str, list[float]], cpu: float, rounds: int) -> None:
    count = sum(len(found if size == "large" else found[:FEW]) for found in resources().values())
    print(f"{AT_ONCE} launches at once, {count} resources each, {rounds} rounds, EHR {DELAY * 1e3:.0f} ms (D)")
    for name, values in taken.items():
        p50, p95 = statistics.median(values), statistics.quantiles(values, n=20)[-1]
        print(f"  {name:16}p50 {p50:7.1f} ms   p95 {p95:7.1f} ms = {p95 / (DELAY * 1e3):5.2f} D")
    print(f"  CPU of the app: {cpu:.1f} ms each")


def main() -> None:
    rounds = max(5, int(sys.argv[1]) if len(sys.argv) > 1 else 5)
    spawn = multiprocessing.get_context("spawn")
    ehr_port, app_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        ehr = spawn.Process(target=_ehr, args=(ehr_port,), daemon=True)
        app = spawn.Process(target=_app, args=(app_port, ehr_port, folder), daemon=True)
        ehr.start()
        app.start()
        where, whose = f"http://127.0.0.1:{app_port}", f"http://127.0.0.1:{ehr_port}"
        try:
            for address in (f"{where}/healthz", f"{whose}/metadata"):
                wait_for(address)
            asyncio.run(measure(where, whose, app.pid or 0, rounds))
        finally:
            app.terminate()
            ehr.terminate()
            app.join()


if __name__ == "__main__":
    main()
