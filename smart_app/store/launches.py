"""Keeps launches: begun, granted, their sealed tokens, and the caller that the use cases see."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, null, select, update

from fhir_mappings.facts.audit import AuditRecord
from launch.context import Handover, LaunchContext, PendingLaunch, TokenSet
from smart_app.store import audit
from smart_app.store.engine import reading, writing
from smart_app.store.rows import from_text, to_text
from smart_app.store.sealed_rows import handover_row, pending_row, tokens_row
from smart_app.store.sealing import Seals, open_found
from smart_app.store.tables import callers, handovers, launches, pending_launches
from smart_app.store.tables import tokens as token_rows
from smart_app.use_cases.records import Caller
from smart_app.use_cases.references import refused

# Long enough to tell "too late" from "never begun", short enough to leave no heap of abandoned launches.
_FORGOTTEN_AFTER = timedelta(days=1)


class SqlLaunches:
    """The `LaunchStore` of launch.context; each call is its own transaction."""

    def __init__(self, engine: Engine, sealer: Seals, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._sealer = sealer
        self._clock = clock

    def keep_pending(self, pending: PendingLaunch) -> None:
        forgotten = pending_launches.c.expires < pending.created - _FORGOTTEN_AFTER
        row = {"state_digest": pending.state_digest, "expires": pending.expires}
        with writing(self._engine) as connection:
            sealed = self._sealer.seal(pending_row(pending.state_digest), to_text(pending))
            connection.execute(delete(pending_launches).where(forgotten))
            connection.execute(insert(pending_launches).values(**row, sealed=sealed))

    def take_pending(self, state_digest: str) -> PendingLaunch | None:
        this = pending_launches.c.state_digest == state_digest
        with writing(self._engine) as connection:
            sealed = connection.scalar(delete(pending_launches).where(this).returning(pending_launches.c.sealed))
            text = None if sealed is None else self._sealer.open(pending_row(state_digest), sealed)
        return None if text is None else from_text(PendingLaunch, text)

    def complete(self, context: LaunchContext, tokens: TokenSet, session_digest: str) -> None:
        row = {
            "id": context.id,
            "patient": patient_of(context),
            "session_digest": session_digest,
            "started": context.started,
            "seen": context.started,
            "body": to_text(context),
        }
        with writing(self._engine) as connection:
            connection.execute(insert(launches).values(**row))
            connection.execute(insert(token_rows).values(launch=context.id, **self._sealed(context.id, tokens)))

    def find(self, launch_id: str) -> LaunchContext | None:
        with reading(self._engine) as connection:
            body = connection.scalar(select(launches.c.body).where(live(launch_id)))
        return None if body is None else from_text(LaunchContext, body)

    def ehr_of(self, launch_id: str) -> str | None:
        """The EHR's name, also of a launch that has ended: its last page is shown in the EHR's frame too."""
        with reading(self._engine) as connection:
            body = connection.scalar(select(launches.c.body).where(launches.c.id == launch_id))
        return None if body is None else from_text(LaunchContext, body).ehr

    def session_matches(self, launch_id: str, session_digest: str) -> bool:
        with reading(self._engine) as connection:
            kept = connection.scalar(select(launches.c.session_digest).where(live(launch_id)))
        return kept is not None and hmac.compare_digest(kept.encode(), session_digest.encode())

    def tokens(self, launch_id: str) -> TokenSet | None:
        def find() -> tuple[str, str] | None:
            with reading(self._engine) as connection:
                kept = select(token_rows.c.version, token_rows.c.sealed).where(token_rows.c.launch == launch_id)
                row = connection.execute(kept).one_or_none()
            return None if row is None else (tokens_row(launch_id, row.version), row.sealed)

        text = open_found(self._sealer, find)
        return None if text is None else from_text(TokenSet, text)

    def replace_tokens(self, launch_id: str, tokens: TokenSet) -> bool:
        as_read = _this_version(launch_id, tokens.version - 1)
        with writing(self._engine) as connection:
            change = update(token_rows).where(as_read)
            fresh = self._sealed(launch_id, tokens)
            return connection.execute(change.values(**fresh, renewing_until=None)).rowcount == 1

    def claim_renewal(self, launch_id: str, *, version: int, now: datetime, until: datetime) -> bool:
        nobody = token_rows.c.renewing_until.is_(null()) | (token_rows.c.renewing_until <= now)
        claim = update(token_rows).where(_this_version(launch_id, version) & nobody).values(renewing_until=until)
        with writing(self._engine) as connection:
            return connection.execute(claim).rowcount == 1

    def leave_renewal(self, launch_id: str, *, version: int) -> None:
        left = update(token_rows).where(_this_version(launch_id, version)).values(renewing_until=None)
        with writing(self._engine) as connection:
            connection.execute(left)

    def keep_handover(self, code_digest: str, handover: Handover) -> None:
        row = {"code_digest": code_digest, "expires": handover.expires}
        with writing(self._engine) as connection:
            sealed = self._sealer.seal(handover_row(code_digest), to_text(handover))
            connection.execute(delete(handovers).where(handovers.c.expires < self._clock()))
            connection.execute(insert(handovers).values(**row, sealed=sealed))

    def take_handover(self, code_digest: str) -> Handover | None:
        this = handovers.c.code_digest == code_digest
        with writing(self._engine) as connection:
            sealed = connection.scalar(delete(handovers).where(this).returning(handovers.c.sealed))
            text = None if sealed is None else self._sealer.open(handover_row(code_digest), sealed)
        return None if text is None else from_text(Handover, text)

    def move_session(self, launch_id: str, session_digest: str) -> bool:
        with writing(self._engine) as connection:
            body = connection.scalar(select(launches.c.body).where(live(launch_id)))
            if body is None:
                return False
            context = from_text(LaunchContext, body)
            audit.append(connection, of_launch(context, "clinician:launch:move", self._clock()))
            moved = {"session_digest": session_digest, "body": to_text(replace(context, need_patient_banner=True))}
            connection.execute(update(launches).where(live(launch_id)).values(**moved, signed_in=None))
            return True

    def keep_sign_in(self, launch_id: str, session_digest: str, *, at: datetime, told: datetime) -> bool:
        open_one = live(launch_id) & launches.c.closed.is_(null())
        kept = update(launches).where(open_one, launches.c.session_digest == session_digest).values(signed_in=at)
        with writing(self._engine) as connection:
            body = connection.scalar(kept.returning(launches.c.body))
            if body is not None:
                record = of_launch(from_text(LaunchContext, body), "clinician:launch:sign-in-again", at)
                said = f"{told.astimezone(at.tzinfo):%H:%M:%S}"
                audit.append(connection, replace(record, detail=f"The EHR says: signed in at {said}."))
        return body is not None

    def end(self, launch_id: str) -> None:
        now = self._clock()
        with writing(self._engine) as connection:
            body = connection.scalar(select(launches.c.body).where(live(launch_id)))
            connection.execute(delete(token_rows).where(token_rows.c.launch == launch_id))
            if body is not None:
                audit.append(connection, of_launch(from_text(LaunchContext, body), "clinician:launch:close", now))
                connection.execute(update(launches).where(live(launch_id)).values(ended=now))

    def record_refusal(self, *, ehr: str | None, reason: str, launch_id: str | None) -> str:
        now = self._clock()
        record = AuditRecord(action="app:launch:refuse", at=now, ehr=ehr, launch=launch_id, detail=reason)
        if launch_id and (context := self.find(launch_id)):
            # An open launch was not to be started but signed in for again; by whom is not known.
            again = of_launch(context, "app:sign-in-again:refuse", now)
            record = replace(again, actor=None, actor_name=None, detail=reason)
        record, reference = refused(record)
        with writing(self._engine) as connection:
            audit.append(connection, record)
        return reference

    def _sealed(self, launch_id: str, tokens: TokenSet) -> dict[str, object]:
        sealed = self._sealer.seal(tokens_row(launch_id, tokens.version), to_text(tokens))
        return {"version": tokens.version, "sealed": sealed}


class SqlCallers:
    """The `Launches` of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep_caller(self, caller: Caller) -> None:
        self._connection.execute(delete(callers).where(callers.c.launch == caller.launch))
        self._connection.execute(insert(callers).values(launch=caller.launch, body=to_text(caller)))

    def caller(self, launch: str) -> Caller | None:
        ended = select(launches.c.id).where(launches.c.id == launch, launches.c.ended.is_not(null())).exists()
        body = self._connection.scalar(select(callers.c.body).where(callers.c.launch == launch, ~ended))
        return None if body is None else from_text(Caller, body)

    def signed_in(self, launch: str) -> datetime | None:
        return self._connection.scalar(select(launches.c.signed_in).where(live(launch)))

    def use_sign_in(self, launch: str) -> None:
        self._connection.execute(update(launches).where(launches.c.id == launch).values(signed_in=None))


def of_launch(context: LaunchContext, action: str, now: datetime) -> AuditRecord:
    return AuditRecord(
        action=action,
        at=now,
        ehr=context.ehr,
        launch=context.id,
        actor=context.fhir_user,
        actor_name=context.user_name,
        patient=patient_of(context),
    )


def patient_of(context: LaunchContext) -> str:
    """The absolute URL of the launch patient."""
    return f"{context.fhir_base}/Patient/{context.patient}"


def live(launch_id: str) -> ColumnElement[bool]:
    """This launch, unless a person or a failure ended it."""
    return (launches.c.id == launch_id) & launches.c.ended.is_(null())


def _this_version(launch_id: str, version: int) -> ColumnElement[bool]:
    return (token_rows.c.launch == launch_id) & (token_rows.c.version == version)
