"""A command that cannot go on: one line for the person at the terminal, and the exit code."""


class CommandFailed(Exception):
    """`code` 2: wrong use or unusable input; 1: anything else."""

    def __init__(self, line: str, *, code: int = 2) -> None:
        super().__init__(line)
        self.code = code
