"""The keys of a registration, one table for whoever writes the file: what each takes, its default, what it is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """`form` completes "it takes ...". `default` is what holds where the key is left out; "" : it may not be."""

    form: str
    default: str
    meaning: str


KEYS: Mapping[str, Key] = MappingProxyType(
    {
        "issuer": Key(
            form="the EHR's FHIR base, an https address without a query",
            default="",
            meaning="The only `iss` that is accepted for this EHR, and the `aud` of its launches. "
            "No other address is resolved or asked.",
        ),
        "client_id": Key(
            form="a text", default="", meaning="The name that the EHR gave the app when it was registered."
        ),
        "auth": Key(
            form="private_key_jwt, client_secret_basic or public",
            default="",
            meaning="How the app proves to the EHR who it is. Take the first that the EHR offers. The secret of "
            "client_secret_basic is entered with `ketamine-pathway keys secret NAME`.",
        ),
        "algorithm": Key(
            form="ES384 or RS384",
            default="ES384",
            meaning='What signs for this EHR, with `auth = "private_key_jwt"`.',
        ),
        "scopes": Key(
            form='a list of scopes such as ["launch", "openid", "patient/Patient.rs"]',
            default="",
            meaning="What the app asks for. `ketamine-pathway config check` says which feature lacks one.",
        ),
        "scope_version": Key(
            form="v2 or v1",
            default="v2",
            meaning="How scopes are written to the EHR. Version 1 knows read and write only, so it may ask for more.",
        ),
        "ask_only_supported": Key(
            form="true or false",
            default="false",
            meaning="true: scopes that the EHR's `scopes_supported` lacks are left out, for EHRs that refuse a whole "
            "launch over one of them. Not for EHRs whose list is not complete.",
        ),
        "smart_v1": Key(
            form="true or false",
            default="false",
            meaning="The EHR follows SMART 1.0: its metadata may lack S256 and capabilities. "
            "S256 is sent all the same.",
        ),
        "hosts": Key(
            form='a list of origins such as ["https://login.ehr.example"]',
            default="the issuer's origin",
            meaning="The only places for the EHR's authorize, token, revocation and key addresses. "
            "The issuer's own origin is not added to them.",
        ),
        "authorization_endpoint": Key(
            form="an https address on one of `hosts`",
            default="from the EHR's metadata",
            meaning="Goes before what the EHR's smart-configuration names.",
        ),
        "token_endpoint": Key(
            form="an https address on one of `hosts`",
            default="from the EHR's metadata",
            meaning="Goes before what the EHR's smart-configuration names.",
        ),
        "revocation_endpoint": Key(
            form="an https address on one of `hosts`",
            default="from the EHR's metadata",
            meaning="Goes before what the EHR's smart-configuration names.",
        ),
        "jwks_uri": Key(
            form="an https address on one of `hosts`",
            default="from the EHR's metadata",
            meaning="Where the keys are that sign the EHR's id_tokens.",
        ),
        "id_token_issuer": Key(
            form="an https address, to the letter",
            default="from the EHR's metadata, or the FHIR base",
            meaning="The `iss` that id_tokens must have.",
        ),
        "frame_ancestors": Key(
            form='a list of origins such as ["https://ehr.example"]',
            default="the issuer's origin",
            meaning="Who may show the app's pages in a frame.",
        ),
        "organization": Key(
            form="a reference such as Organization/12",
            default="none",
            meaning="On whose behalf clinicians act; stands in what the app writes.",
        ),
        "tenant": Key(form="a text", default="the name of the table", meaning="The clinic's name as people know it."),
        "roles": Key(
            form='a table such as {"http://snomed.info/sct|80584001" = "prescriber"}',
            default="none",
            meaning="Codes of a clinician's PractitionerRole, as system|code, to prescriber, nurse or auditor. "
            "Whoever has several gets the one with the most rights; whoever has none may only look.",
        ),
        "users": Key(
            form='a table such as {"Practitioner/12" = "nurse"}',
            default="none",
            meaning="Clinicians by name, for an EHR without PractitionerRole. Goes before `roles`.",
        ),
        "write": Key(
            form="true or false", default="true", meaning="false: nothing is written to this EHR, whatever it grants."
        ),
        "authorize_post": Key(
            form="true or false",
            default="true",
            meaning="A request of more than 2000 characters goes as a form where the EHR offers to take one. false: "
            "the browser is always redirected. An EHR whose own cookie is SameSite=Lax needs that: it does not see "
            "its user in a form that another site sends.",
        ),
        "requests_per_minute": Key(
            form="a whole number from 10 to 100000",
            default="no limit known",
            meaning="What the EHR allows, requests for tokens counted. Each process of the app keeps it for itself.",
        ),
        "private_network": Key(
            form="true or false",
            default="false",
            meaning="true: the EHR's hosts have addresses of a private network. "
            "Otherwise such addresses are refused.",
        ),
    }
)
