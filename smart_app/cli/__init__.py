"""The command line: `ketamine-pathway COMMAND`."""


def main() -> int:
    raise NotImplementedError
