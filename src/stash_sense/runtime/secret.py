"""The secret that callers send: derived from Stash's API key, set by the owner, or generated into a file."""

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from stash_sense.errors import NoSecret
from stash_sense.files import replacement_of
from stash_sense.private_files import TOKEN_FILE, open_regular
from stash_sense.settings import Settings, fits_header

DERIVED_FOR = b"stash-sense/1"
_LOCK_WAIT_S = 10.0
_MAX_BYTES = 4096
_HAS_MODES = os.name != "nt"


@dataclass(frozen=True, slots=True)
class Secret:
    """What callers send as bearer token, and where it comes from."""

    value: str = field(repr=False)
    origin: Literal["stash-key", "setting", "file"]


def derive_token(api_key: str) -> str:
    """The token for a Stash with this API key, from which the key cannot be recovered."""
    return hmac.new(api_key.encode(), DERIVED_FOR, hashlib.sha256).hexdigest()


def token_file(settings: Settings) -> Path:
    """The file of a generated token."""
    return settings.data_dir / TOKEN_FILE


def find_secret(settings: Settings) -> Secret | None:
    """The secret in force, or None. Raises NoSecret if the token file is unreadable or open to others."""
    if key := settings.stash_api_key.get_secret_value():
        return Secret(derive_token(key), "stash-key")
    if token := settings.token.get_secret_value():
        return Secret(token, "setting")
    return _read(token_file(settings))


def ensure_secret(settings: Settings) -> Secret:
    """The secret in force, generated if there is none. Processes at the same time agree. Raises NoSecret."""
    if secret := find_secret(settings):
        return secret
    path = token_file(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{TOKEN_FILE}.lock"), timeout=_LOCK_WAIT_S):
            return _read(path) or _write(path)
    except (OSError, Timeout) as error:
        raise NoSecret(
            f"{path}: cannot store a token here ({_why(error)}). Make the folder writable, choose another "
            "with DATA_DIR, or set STASH_SENSE_TOKEN."
        ) from error


def serving_secret(settings: Settings) -> Secret | None:
    """The secret to ask callers for; None only on loopback without a secret. Raises NoSecret.

    On any other interface a missing secret is generated, because the whole network can reach the sidecar.
    """
    return find_secret(settings) if settings.loopback else ensure_secret(settings)


def _write(path: Path) -> Secret:
    token = secrets.token_hex(32)
    with replacement_of(path) as temporary:
        _check_mode(path, temporary.stat())  # before the token is in it
        temporary.write_text(token + "\n", "ascii")
    return Secret(token, "file")


def _read(path: Path) -> Secret | None:
    try:
        with open_regular(path) as file:
            _check_mode(path, os.fstat(file.fileno()))
            content = file.read(_MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NoSecret(
            f"{path}: cannot read the token ({_why(error)}). Run Stash Sense as the user who created it, or "
            "delete the file to generate a new one."
        ) from error
    token = content.decode("ascii", "replace").strip()
    if not token or not fits_header(token):
        raise NoSecret(f"{path}: contains no token. Delete the file to generate a new one.")
    return Secret(token, "file")


def _check_mode(path: Path, status: os.stat_result) -> None:
    if _HAS_MODES and status.st_uid not in (os.geteuid(), 0):
        raise NoSecret(
            f"{path}: belongs to another user, who knows the token. Delete the file to generate a new one."
        )
    if _HAS_MODES and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NoSecret(
            f"{path}: other users can read the token. Run: chmod 600 {path}; or, if the disk does not keep "
            "such modes, delete the file and set STASH_SENSE_TOKEN."
        )


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
