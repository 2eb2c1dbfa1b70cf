"""A LaunchStore in memory, with the promises of launch.context and nothing else."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime

from launch.context import Handover, LaunchContext, PendingLaunch, TokenSet


@dataclass
class MemoryLaunchStore:
    """Thread-safe, since callers reach it from worker threads."""

    pending: dict[str, PendingLaunch] = field(default_factory=dict)
    contexts: dict[str, LaunchContext] = field(default_factory=dict)
    token_sets: dict[str, TokenSet] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    renewing: dict[str, datetime] = field(default_factory=dict)
    handovers: dict[str, Handover] = field(default_factory=dict)
    refusals: list[tuple[str | None, str, str | None]] = field(default_factory=list)
    sign_ins: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep_pending(self, pending: PendingLaunch) -> None:
        with self.lock:
            self.pending[pending.state_digest] = pending

    def take_pending(self, state_digest: str) -> PendingLaunch | None:
        with self.lock:
            return self.pending.pop(state_digest, None)

    def complete(self, context: LaunchContext, tokens: TokenSet, session_digest: str) -> None:
        with self.lock:
            self.contexts[context.id] = context
            self.token_sets[context.id] = tokens
            self.sessions[context.id] = session_digest

    def find(self, launch_id: str) -> LaunchContext | None:
        return self.contexts.get(launch_id)

    def session_matches(self, launch_id: str, session_digest: str) -> bool:
        return self.sessions.get(launch_id) == session_digest

    def tokens(self, launch_id: str) -> TokenSet | None:
        return self.token_sets.get(launch_id)

    def replace_tokens(self, launch_id: str, tokens: TokenSet) -> bool:
        with self.lock:
            held = self.token_sets.get(launch_id)
            if held is None or held.version != tokens.version - 1:
                return False
            self.token_sets[launch_id] = tokens
            self.renewing.pop(launch_id, None)
            return True

    def claim_renewal(self, launch_id: str, *, version: int, now: datetime, until: datetime) -> bool:
        with self.lock:
            held = self.token_sets.get(launch_id)
            if held is None or held.version != version or self.renewing.get(launch_id, now) > now:
                return False
            self.renewing[launch_id] = until
            return True

    def leave_renewal(self, launch_id: str, *, version: int) -> None:
        with self.lock:
            held = self.token_sets.get(launch_id)
            if held is not None and held.version == version:
                self.renewing.pop(launch_id, None)

    def keep_handover(self, code_digest: str, handover: Handover) -> None:
        with self.lock:
            self.handovers[code_digest] = handover

    def take_handover(self, code_digest: str) -> Handover | None:
        with self.lock:
            return self.handovers.pop(code_digest, None)

    def move_session(self, launch_id: str, session_digest: str) -> bool:
        with self.lock:
            if launch_id not in self.contexts:
                return False
            self.sessions[launch_id] = session_digest
            self.contexts[launch_id] = replace(self.contexts[launch_id], need_patient_banner=True)
            return True

    def keep_sign_in(self, launch_id: str, session_digest: str, *, at: datetime, told: datetime) -> bool:
        with self.lock:
            if self.sessions.get(launch_id) != session_digest:
                return False
            self.sign_ins[launch_id] = (at, told)
            return True

    def end(self, launch_id: str) -> None:
        with self.lock:
            self.contexts.pop(launch_id, None)
            self.token_sets.pop(launch_id, None)
            self.sessions.pop(launch_id, None)

    def record_refusal(self, *, ehr: str | None, reason: str, launch_id: str | None) -> str:
        self.refusals.append((ehr, reason, launch_id))
        return f"REF-{len(self.refusals)}"
