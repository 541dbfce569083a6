"""The stack's secrets: files that only their owner can read, created once."""

from __future__ import annotations

import json
import os
import secrets
from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


# A Fernet key must have 32 bytes; a key for SHA-512 should have 64 (RFC 7518, section 3.2).
FERNET_BYTES, JWT_BYTES = 32, 64


def secret(home: Path, name: str, length: int = FERNET_BYTES) -> str:
    """Return a random secret of ``length`` bytes in base 64; it is created once."""
    return _private(home / "secrets" / name, urlsafe_b64encode(secrets.token_bytes(length)).decode()).read_text()


def passwords(home: Path) -> Path:
    """Return the file of the users' passwords for Airflow's SimpleAuthManager, with one for ``admin``."""
    return _private(home / "secrets" / "passwords.json", json.dumps({"admin": secrets.token_urlsafe(12)}))


def _private(path: Path, text: str) -> Path:
    """Write a file that only its owner can read, unless it exists; of two writers at once the first wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.exists():
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        with suppress(FileExistsError):
            path.hardlink_to(draft)
        draft.unlink()
    return path
