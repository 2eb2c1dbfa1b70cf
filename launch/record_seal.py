"""The seal on a signed record: a detached JWS over its bytes, by a key of the app's own (RFC 7515, appendix F).

These keys are not those that sign in at EHRs: a record must be verifiable for as long as it is kept, so no key is
ever retired, and all of them are published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from joserfc import jws

from launch.errors import KeysUnusable
from launch.key_folder import KeyFolder
from launch.keys import SigningKey

ALGORITHM = "ES384"
_REGISTRY = jws.JWSRegistry(
    algorithms=[ALGORITHM], strict_check_header=False
)  # who, when and why stand in the header


class RecordSeal:
    """Seals with the newest key of its folder, which gets its first one here."""

    def __init__(self, folder: KeyFolder, now: datetime) -> None:
        self._folder = folder
        folder.check()
        with folder.changing():
            if not folder.ring("").shared:
                try:
                    SigningKey.generate(ALGORITHM, active_from=now).save(folder.path)
                except OSError as problem:
                    raise KeysUnusable(f"the key for records cannot be written ({problem.strerror})") from None

    def __call__(self, payload: bytes, said: Mapping[str, str | int]) -> str:
        """The compact JWS without its payload. `said` is sealed too: it stands in the protected header."""
        key = self._folder.ring("").shared[-1]
        header = {**said, "alg": ALGORITHM, "kid": key.kid}
        sealed = jws.serialize_compact(header, payload, key.key, registry=_REGISTRY)
        return str(jws.detach_content(sealed))

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys, every one that ever sealed."""
        return self._folder.jwks("")
