"""Addresses that an EHR may name: 50 that lead out of its FHIR base, and the ways to name a page inside it.

`{own}` is the EHR's own host and port, its FHIR base is http://{own}/fhir; `{canary}` is a listener nobody may call.
"""

from __future__ import annotations

ELSEWHERE = [
    "http://{canary}/fhir/Condition?page=2",
    "http://{canary}/http://{own}/fhir/Condition",
    "https://{canary}/fhir/Condition",
    "HTTP://{canary}/fhir/Condition",
    "//{canary}/fhir/Condition",
    "///{canary}/fhir/Condition",
    "http:////{canary}/fhir/Condition",
    "https:{canary}/fhir/Condition",
    "/\\{canary}/fhir/Condition",
    "\\\\{canary}\\fhir\\Condition",
    "http:\\\\{canary}\\fhir",
    "http://{own}@{canary}/fhir/Condition",
    "http://{own}\\@{canary}/fhir/Condition",
    "http://user:pw@{own}/fhir/Condition",
    "http://@{own}/fhir/Condition",
    "http://{own}.evil.test/fhir/Condition",
    "http://{own_host}.evil.test:{own_port}/fhir/Condition",
    "http://evil.test/fhir/Condition",
    "http://evil.test#http://{own}/fhir/Condition",
    "http://evil.test?http://{own}/fhir/Condition",
    "http://localhost:{canary_port}/fhir/Condition",
    "http://localhost:{own_port}/fhir/Condition",
    "http://127.1:{own_port}/fhir/Condition",
    "http://2130706433:{own_port}/fhir/Condition",
    "http://[::ffff:127.0.0.1]:{own_port}/fhir/Condition",
    "http://[::1]:{own_port}/fhir/Condition",
    "http://169.254.169.254/latest/meta-data/",
    "https://{own}/fhir/Condition",
    "http://{own_host}/fhir/Condition",
    "http://{own_host}:0{own_port}/fhir/Condition",
    "http://{own}/fhir-evil/Condition",
    "http://{own}/fhirCondition",
    "http://{own}/",
    "http://{own}",
    "/admin",
    "../admin",
    "http://{own}/fhir/../admin",
    "http://{own}/fhir/%2e%2e/admin",
    "http://{own}/fhir/.%2e/admin",
    "http://{own}/fhir/..;/admin",
    "http://{own}/fhir/..%2fadmin",
    "http://{own}/fhir/..%5cadmin",
    "http://{own}/fhir\\..\\admin",
    "http://{own}/FHIR/Condition",
    "http://{own}/fhir#/Condition",
    "http://{own}/fhir/Condition\r\nHost: evil.test",
    "http://{own}/fhir/Condition?a=\r\nHost: evil.test",
    "http://[::1/fhir",
    "ftp://{own}/fhir/Condition",
    "file:///etc/passwd",
    "gopher://{canary}/1",
    "javascript:alert(1)",
    "data:application/fhir+json,%7B%7D",
    "urn:uuid:6a1b5d64-0000-4000-8000-000000000000",
]
OWN = [
    "http://{own}/fhir/Condition?page=2",
    "HTTP://{own}/fhir/Condition?page=2",
    "//{own}/fhir/Condition?page=2",
    "/fhir/Condition?page=2",
    "Condition?page=2",
    "?page=2",
]


def filled(template: str, *, canary: str, own_host: str = "127.0.0.1", port: int) -> str:
    """The address that a template stands for."""
    values = {"own": f"{own_host}:{port}", "canary": canary, "own_host": own_host, "own_port": str(port)}
    for name, value in (values | {"canary_port": canary.rpartition(":")[2]}).items():
        template = template.replace(f"{{{name}}}", value)
    return template
