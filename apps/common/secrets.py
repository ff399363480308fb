"""The signing key: from the environment, or made once and kept beside the private servers."""

import contextlib
import os
import secrets
from pathlib import Path


def secret_key(from_environment: str, var_dir: Path) -> str:
    """Return the key given by the operator, else the one kept in var/secret_key (made on first use).

    Two processes may start at once: the file is created exclusively, and the loser reads the winner's key.
    """
    if from_environment:
        return from_environment
    file = var_dir / "secret_key"
    if not file.exists():
        var_dir.mkdir(parents=True, exist_ok=True)
        draft = var_dir / f".secret_key.{os.getpid()}"
        draft.write_text(secrets.token_urlsafe(64))
        draft.chmod(0o600)
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text().strip()
