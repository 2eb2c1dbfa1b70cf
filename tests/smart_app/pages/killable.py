"""A desk's pages over a real database in a process of their own, to be killed: `killable.py PORT FOLDER`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import cast
from uuid import uuid4

import uvicorn

from smart_app.store.engine import open_engine
from smart_app.store.key_file import KeyFile
from smart_app.store.migrations import migrate
from smart_app.store.unit_of_work import SqlWork
from tests.fakes import FakeWork
from tests.smart_app.pages.desk import Desk
from tests.smart_app.pages.serving import with_start
from tests.smart_app.pages.treatment import opened


def main(port: int, folder: Path) -> None:
    """Serves until it is killed. At the first start a session is opened, and its id kept in FOLDER/session."""
    engine = open_engine(f"sqlite:///{folder / 'app.db'}")
    migrate(engine)
    desk = Desk(work=cast(FakeWork, SqlWork(engine, KeyFile(folder / "sealing.keys"))))
    desk.move_to(f"http://127.0.0.1:{port}")
    desk.deps = replace(desk.deps, ids=lambda: str(uuid4()))  # a counter would begin again
    desk.open()
    told = folder / "session"
    if not told.exists():
        told.write_text(opened(desk).id, encoding="utf-8")
    uvicorn.run(with_start(desk), host="127.0.0.1", port=port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
