"""What can go wrong in a launch, and whose fault it is (OAuth codes: RFC 6749, sections 4.1.2.1 and 5.2).

    LaunchError
    ├── LaunchInterrupted          state unknown, used, expired, or of another browser   (user or browser)
    │   ├── CookieRefused          the browser did not send the start cookie back        (user or browser)
    │   └── HandoverSpent          the address for another window was used or is too old (user or browser)
    ├── ChartMissing               no launch value, or no patient in the token reply     (user or browser)
    ├── ConsentRefused             error=access_denied                                   (user or browser)
    ├── LaunchEnded                no live token any more: start again                   (user or browser)
    ├── OtherUser                  somebody else signed in again than opened the app     (user or browser)
    ├── RegistrationFault          something in the registration table                   (registration)
    │   ├── UnknownIssuer          iss is not in the table, or is missing
    │   ├── RegistrationInvalid    the table itself cannot be read
    │   ├── EndpointNotPinned      the EHR names an address that is not listed
    │   ├── AddressForbidden       a registered host leads where the app does not go
    │   └── AuthorizationRefused   the EHR refused what the app asked for
    ├── EhrFault                   the EHR's answer cannot be used                       (EHR)
    │   ├── EhrUnreachable         no answer, or not in time
    │   │   ├── EhrBusy            too many requests; later it will do
    │   │   └── CertificateRefused  whoever answers cannot prove to be the EHR
    │   ├── DiscoveryFailed        .well-known/smart-configuration
    │   ├── CallbackInvalid        neither code nor error, or another issuer's answer
    │   ├── TokenRefused           the token endpoint answered with an error
    │   ├── TokenReplyInvalid      the token endpoint's answer is not a token reply
    │   ├── IdentityUnverified     the id_token cannot be trusted
    │   ├── SignInNotOffered       it does not say that it tells when a user signed in
    │   └── SignInUnproven         it asked nobody, or did not say when
    └── AppFault                   ours                                                  (app)
        ├── KeysUnusable           no signing key, or one that others can read
        └── ForeignAddress         a token was about to leave its FHIR base

No message holds a code, state, token or launch value, nor any text the EHR wrote beyond its own address.
"""

from __future__ import annotations

from enum import StrEnum
from math import ceil
from typing import ClassVar


class Party(StrEnum):
    """Who can put it right."""

    PERSON = "user or browser"
    REGISTRATION = "registration"
    EHR = "EHR"
    APP = "app"


class LaunchError(Exception):
    """`message` is for the clinician, `advice` says what to do, `reason` is the word for the audit record."""

    party: ClassVar[Party] = Party.APP
    reason: ClassVar[str] = "launch-failed"
    advice: ClassVar[str] = "Start the app again from the chart."

    def __init__(
        self,
        message: str,
        *,
        ehr: str | None = None,
        launch_id: str | None = None,
        oauth_code: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.ehr = ehr
        self.launch_id = launch_id
        self.oauth_code = oauth_code
        self.what_to_do = advice or self.advice
        self.reference = ""  # of its audit record, once there is one
        self.back = ""  # the page of ours to go back to, where only signing in again went wrong


class LaunchInterrupted(LaunchError):
    party = Party.PERSON
    reason = "launch-interrupted"
    TEXT: ClassVar[str] = "The start of the app was interrupted."

    def __init__(self, message: str = TEXT, *, ehr: str | None = None, launch_id: str | None = None) -> None:
        super().__init__(message, ehr=ehr, launch_id=launch_id)


class CookieRefused(LaunchInterrupted):
    """`handover` is the code of an address that starts again in a window of its own; "" until one is kept."""

    reason = "cookie-refused"
    advice = "Open the app in its own window."

    def __init__(self, *, ehr: str, launch_id: str) -> None:
        text = "The browser did not keep the app's cookie inside this frame."
        super().__init__(text, ehr=ehr, launch_id=launch_id)
        self.handover = ""


class HandoverSpent(LaunchInterrupted):
    reason = "handover-spent"

    def __init__(self, *, ehr: str | None = None) -> None:
        text = "The way into this window was used already, or is more than a minute old."
        super().__init__(text, ehr=ehr)


class ChartMissing(LaunchError):
    party = Party.PERSON
    reason = "chart-missing"

    def __init__(self, *, ehr: str | None = None, launch_id: str | None = None) -> None:
        super().__init__("Start the app from a patient's chart.", ehr=ehr, launch_id=launch_id)


class ConsentRefused(LaunchError):
    party = Party.PERSON
    reason = "consent-refused"

    def __init__(self, *, ehr: str | None = None, launch_id: str | None = None) -> None:
        text = "The EHR or the user refused to give the app access."
        super().__init__(text, ehr=ehr, launch_id=launch_id, oauth_code="access_denied")


class LaunchEnded(LaunchError):
    party = Party.PERSON
    reason = "launch-ended"

    def __init__(self, *, ehr: str | None = None, launch_id: str | None = None) -> None:
        text = "The session with the EHR has ended."
        super().__init__(text, ehr=ehr, launch_id=launch_id)


class OtherUser(LaunchError):
    party = Party.PERSON
    reason = "sign-in-other-user"
    advice = "Whoever opened the app has to sign in again. To sign as somebody else, they open the app themselves."

    def __init__(self, *, ehr: str) -> None:
        super().__init__("Somebody else signed in at the EHR than the one who opened the app here.", ehr=ehr)


class RegistrationFault(LaunchError):
    party = Party.REGISTRATION
    reason = "registration-fault"
    advice = "Tell whoever runs the app: its registration with this EHR needs a change."


class UnknownIssuer(RegistrationFault):
    reason = "issuer-unknown"
    advice = "Tell whoever runs the app which EHR this is."

    def __init__(self, address: str) -> None:
        super().__init__(f"This EHR is not set up for the app. EHR address: {address}")


class RegistrationInvalid(RegistrationFault):
    reason = "registration-invalid"
    advice = "Correct the registration file and start the app's server again."


class EndpointNotPinned(RegistrationFault):
    reason = "endpoint-not-pinned"


class AddressForbidden(RegistrationFault):
    """`reach`: the words for where the address leads. The address itself is nobody's business but the resolver's."""

    reason = "address-forbidden"

    def __init__(self, reach: str, *, ehr: str, advice: str | None = None) -> None:
        super().__init__(
            f"The EHR's address leads to {reach}, and the app does not go there.", ehr=ehr, advice=advice
        )


class AuthorizationRefused(RegistrationFault):
    reason = "authorization-refused"


class EhrFault(LaunchError):
    party = Party.EHR
    reason = "ehr-fault"
    advice = "Start the app again from the chart. If it fails again, tell the EHR's support desk."


class EhrUnreachable(EhrFault):
    reason = "ehr-unreachable"
    advice = "Wait a minute, then start the app again from the chart."


class EhrBusy(EhrUnreachable):
    """`retry_after`: seconds until asking again makes sense; None where nobody knows."""

    reason = "ehr-busy"

    def __init__(self, message: str, *, ehr: str, retry_after: float | None = None) -> None:
        super().__init__(message, ehr=ehr, advice=_later(retry_after))
        self.retry_after = retry_after


class CertificateRefused(EhrUnreachable):
    reason = "certificate-refused"
    advice = "Do not go on. Tell whoever runs the app and the EHR's support desk."

    def __init__(self, *, ehr: str) -> None:
        super().__init__("The EHR could not prove with its certificate that it is the EHR.", ehr=ehr)


class DiscoveryFailed(EhrFault):
    reason = "discovery-failed"


class CallbackInvalid(EhrFault):
    reason = "callback-invalid"


class TokenRefused(EhrFault):
    reason = "token-refused"


class TokenReplyInvalid(EhrFault):
    reason = "token-reply-invalid"


class IdentityUnverified(EhrFault):
    reason = "identity-unverified"


class SignInNotOffered(EhrFault):
    reason = "sign-in-not-offered"
    advice = (
        "Tell whoever runs the app: either the EHR announces auth_time in the claims_supported of its "
        "openid-configuration, or the site sets sign_in_again = false."
    )

    def __init__(self, *, ehr: str) -> None:
        super().__init__("This EHR does not offer to let its user sign in again and to say when that was.", ehr=ehr)


class SignInUnproven(EhrFault):
    reason = "sign-in-unproven"
    advice = (
        "Try again. If it fails again, tell whoever runs the app: the EHR has to ask for a new sign-in and to send "
        "auth_time, or the site sets sign_in_again = false."
    )

    def __init__(self, text: str, *, ehr: str) -> None:
        super().__init__(text, ehr=ehr)


class AppFault(LaunchError):
    reason = "app-fault"
    advice = "Tell whoever runs the app."


class KeysUnusable(AppFault):
    reason = "keys-unusable"


class ForeignAddress(AppFault):
    reason = "foreign-address"


def _later(seconds: float | None) -> str | None:
    """None for the usual minute."""
    if seconds is None or seconds <= 60:
        return None
    minutes = ceil(seconds / 60)
    return f"Wait {minutes} minutes, then start the app again from the chart."
