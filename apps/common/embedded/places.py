"""Directories of the private servers: made once, ours alone (0700), each failure one sentence."""

import errno
import os
import pwd
import shutil
from pathlib import Path
from typing import IO

from apps.common.embedded.errors import PlaceUnusable

LEAST_FREE_MEGABYTES = 300  # a new cluster takes about 60, the demo city about 150


def make_private(directory: Path, user: pwd.struct_passwd) -> Path:
    """Make `directory`, 0700 and `user`'s own; refuse one that belongs to somebody else."""
    try:
        make_parents(directory)
        directory.mkdir(mode=0o700, exist_ok=True)
        give(directory, user)
        info = directory.lstat()
    except OSError as error:
        raise unusable(directory, error) from error
    if directory.is_symlink() or info.st_uid != user.pw_uid:
        raise PlaceUnusable(
            f"{directory} belongs to {_name(info.st_uid)}, not to {user.pw_name}: "
            f"run as {_name(info.st_uid)}, or choose another place with GRID_VAR_DIR."
        )
    if info.st_mode & 0o077:
        directory.chmod(0o700)
    if os.geteuid() != 0 and not os.access(directory, os.W_OK | os.X_OK):
        raise unusable(directory, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    return directory


def check_var(var: Path) -> None:
    """Make the var directory and see that it can be used; else refuse in words before anything is written in it."""
    try:
        make_parents(var / "any")
        need_space(var, 1)
    except OSError as error:
        raise unusable(var, error) from error
    if not var.is_dir():
        raise unusable(var, NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)))
    key = var / "secret_key"
    if not os.access(var, os.R_OK | os.W_OK | os.X_OK) or (key.exists() and not os.access(key, os.R_OK)):
        raise PlaceUnusable(
            f"{var} belongs to {_name(var.stat().st_uid)}, perhaps from an earlier start as that user: "
            f"hand it over (sudo chown -R {_name(os.geteuid())} {var}), or choose another place with GRID_VAR_DIR."
        )


def make_parents(directory: Path) -> None:
    """Make the missing directories above `directory`; root gives each to the owner of the one it is made in."""
    missing = [place for place in directory.parents if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            above = place.parent.stat()
            os.chown(place, above.st_uid, above.st_gid)


def open_private(file: Path, user: pwd.struct_passwd, mode: str = "ab") -> IO[bytes]:
    """Open `file` for writing, 0600 and `user`'s own, never through a link."""
    handle: IO[bytes] = open(  # noqa: SIM115 - the opener keeps links out; the caller closes
        file, mode, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600)
    )
    if os.geteuid() == 0:
        os.fchown(handle.fileno(), user.pw_uid, user.pw_gid)
    return handle


def give(place: Path, user: pwd.struct_passwd) -> None:
    """Root hands a place it has just made to `user`; a place of an ordinary owner is left alone."""
    if os.geteuid() == 0 and place.lstat().st_uid == 0:
        os.chown(place, user.pw_uid, user.pw_gid, follow_symlinks=False)


def need_space(directory: Path, megabytes: int = LEAST_FREE_MEGABYTES) -> None:
    """Refuse to begin on a disk that is as good as full."""
    free = shutil.disk_usage(directory).free // 2**20
    if free < megabytes:
        raise PlaceUnusable(
            f"The disk of {directory} is full: {free} MB free, {megabytes} MB needed. "
            "Free some space, or choose another place with GRID_VAR_DIR."
        )


def full_disk(directory: Path) -> PlaceUnusable:
    """The sentence for a disk on which nothing more can be written."""
    return PlaceUnusable(
        f"The disk of {directory} is full. Free some space, or choose another place with GRID_VAR_DIR."
    )


def unusable(directory: Path, error: OSError) -> PlaceUnusable:
    """Say why `directory` cannot be used."""
    if error.errno == errno.ENOSPC:
        return full_disk(directory)
    reason = os.strerror(error.errno or errno.EIO)
    culprit = error.filename or directory
    return PlaceUnusable(f"{directory} cannot be used ({culprit}: {reason}): choose another place with GRID_VAR_DIR.")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
