"""Runs one bench in a process of its own: `python -m tests.bench.child NAME FILE` adds its rows to FILE."""

import sys
from importlib import import_module
from pathlib import Path

import django

from tests.bench.rows import not_measured


def main(name: str, file: Path) -> int:
    """Run the bench; a failure becomes a row, so that what was measured before it is kept."""
    django.setup()
    with file.open("a") as output:
        try:
            for measured in import_module(f"tests.bench.{name}").bench():
                output.write(measured.as_json() + "\n")
                output.flush()
        except Exception as problem:
            words = f"{type(problem).__name__}: {problem}".replace("\n", " ")
            output.write(not_measured(name, words[:300]).as_json() + "\n")
            raise
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
