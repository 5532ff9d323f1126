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
from stash_sense.files import OWNER_ONLY, replacement_of
from stash_sense.settings import Settings

FILE = "token"


DERIVED_FOR = b"stash-sense/1"


_LOCK_WAIT_S = 10.0


_LONGEST = 4096


_KEEPS_NO_MODES = os.name == "nt"


@dataclass(frozen=True, slots=True)
class Secret:
    """What callers send as bearer token, and where it comes from."""

    value: str = field(repr=False)
    origin: Literal["stash-key", "setting", "file"]


def derived(api_key: str) -> str:
    """The token for a Stash with this API key: the key cannot be had back from it."""
    return hmac.new(api_key.encode(), DERIVED_FOR, hashlib.sha256).hexdigest()


def token_file(settings: Settings) -> Path:
    """Where a token of our own is kept."""
    return settings.data_dir / FILE


def find_secret(settings: Settings) -> Secret | None:
    """The secret in force; None where none has been set or made. Raises NoSecret."""
    if key := settings.stash_api_key.get_secret_value():
        return Secret(derived(key), "stash-key")
    if token := settings.token.get_secret_value():
        return Secret(token, "setting")
    return _read(token_file(settings))


def make_secret(settings: Settings) -> Secret:
    """The secret in force, made where there is none; several processes agree on one. Raises NoSecret."""
    found = find_secret(settings)
    if found:
        return found
    path = token_file(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{FILE}.lock"), timeout=_LOCK_WAIT_S):
            return _read(path) or _write(path)
    except (OSError, Timeout) as error:
        raise NoSecret(
            f"{path}: no token can be kept here ({_why(error)}). Make the folder writable, choose another "
            "with DATA_DIR, or set STASH_SENSE_TOKEN."
        ) from error


def secret_to_serve_with(settings: Settings) -> Secret | None:
    """The secret to ask callers for; None, on loopback alone, where there is none. Raises NoSecret.

    Bound to another interface, a token is made where there is none: anybody in the network could ask.
    """
    return find_secret(settings) if settings.loopback else make_secret(settings)


def _write(path: Path) -> Secret:
    token = secrets.token_hex(32)
    with replacement_of(path, mode=OWNER_ONLY) as temporary:
        _check_mode(path, temporary.stat())  # before the token is in it
        temporary.write_text(token + "\n", "ascii")
    return Secret(token, "file")


def _read(path: Path) -> Secret | None:
    try:
        with path.open("rb") as file:
            _check_mode(path, os.fstat(file.fileno()))
            content = file.read(_LONGEST)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NoSecret(
            f"{path}: the token cannot be read ({_why(error)}). Run Stash Sense as the user who made it, or "
            "delete the file to have a new one made."
        ) from error
    text = content.decode("ascii", "replace").strip()
    if not text or not all("!" <= sign <= "~" for sign in text):
        raise NoSecret(f"{path}: holds no token. Delete the file to have a new one made.")
    return Secret(text, "file")


def _check_mode(path: Path, status: os.stat_result) -> None:
    if not _KEEPS_NO_MODES and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NoSecret(
            f"{path}: others than its owner can read the token. Run: chmod 600 {path}; or, where the disk "
            "keeps no such modes, delete the file and set STASH_SENSE_TOKEN."
        )


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
