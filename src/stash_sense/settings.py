"""Environment and file -> one frozen Settings, read once."""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from stash_sense.errors import BadSetting

FILE = "stash-sense.toml"
PREFIX = "STASH_SENSE_"
MOST_WORKERS = 256


def _web_address(value: str) -> str:
    value = value.strip()
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("not an address as in the browser, such as http://localhost:9999")
    return value


def _listening_address(value: str) -> str:
    try:
        return value if value == "localhost" else str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(
            "not an address to listen on, such as 127.0.0.1 (this machine alone) or 0.0.0.0 (all)"
        ) from None


def fits_header(text: str) -> bool:
    """Whether every character is printable ASCII other than a space."""
    return all("!" <= character <= "~" for character in text)


_PASTED = re.compile(
    r"(?:export\s+)?(?:STASH_API_KEY|STASH_SENSE_TOKEN|ApiKey)\s*[=:]|Bearer\s|[\"'\u2018\u201c]",
    re.IGNORECASE,
)
"""How a line copied from a manual or a file begins."""


def _header_text(value: SecretStr) -> SecretStr:
    text = value.get_secret_value().strip()
    if pasted := _PASTED.match(text):
        raise ValueError(
            f"begins with {pasted[0]!r}: only what comes after it is the value, without name and quotes"
        )
    if not fits_header(text):
        raise ValueError(
            "contains spaces, line breaks or other characters than ASCII letters, digits and signs"
        )
    return SecretStr(text)


def _host_names(values: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(value.strip().lower().rstrip(".") for value in values if value.strip())
    for name in names:
        if set(name) & set("/:*"):
            raise ValueError(f"{name} is not a host's name; give names alone, separated by commas")
    return names


def _hours(text: str) -> tuple[time, time] | None:
    if not text.strip():
        return None
    try:
        begins, ends = (time.fromisoformat(part.strip().zfill(5)) for part in text.split("-"))
    except ValueError:
        raise ValueError("not two times of the day, such as 08:00-23:00 or 22:30-06:00") from None
    if begins == ends or begins.tzinfo or ends.tzinfo:
        raise ValueError("two times that differ, without a zone: the clock of this machine counts")
    return begins, ends


_split = BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value)
_split_hours = BeforeValidator(lambda value: _hours(value) if isinstance(value, str) else value)
_Secret = Annotated[SecretStr, AfterValidator(_header_text)]
_Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]


def _check_one_source(environment: Mapping[str, Any], file: Mapping[str, Any]) -> None:
    """Raises BadSetting if the key of one source would go to the address of the other, or to none of both."""
    file_names = {name for name in ("STASH_URL", "STASH_API_KEY") if file.get(name) or file.get(name.lower())}
    if "STASH_API_KEY" in environment and "STASH_URL" not in environment and "STASH_URL" in file_names:
        mixed = "STASH_API_KEY is in the environment, but Stash's address is in the settings file"
    elif "STASH_URL" in environment and "STASH_API_KEY" not in environment and "STASH_API_KEY" in file_names:
        mixed = "STASH_URL is in the environment, but Stash's API key is in the settings file"
    else:
        return
    raise BadSetting(
        f"{mixed}. A key goes only to the address it was given with: put both in the same place."
    )


class Settings(BaseSettings):
    """What a person can set. Every default is safe.

    `Settings(...)` takes the given values and the environment; `read_settings` adds the file.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, env_prefix=PREFIX, env_ignore_empty=True
    )

    stash_url: Annotated[str, AfterValidator(_web_address)] = Field(
        default="http://localhost:9999", validation_alias="STASH_URL"
    )
    """Stash's address, as in the browser. Set to empty: there is no Stash."""

    stash_api_key: _Secret = Field(default=SecretStr(""), validation_alias="STASH_API_KEY")
    """Stash's API key, if Stash has a login. It goes to stash_url and nowhere else."""

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("stash-sense", appauthor=False), validation_alias="DATA_DIR"
    )
    """Where models, face databases and state are kept."""

    pack: str = "stash-sense-default"
    """The model pack in use."""

    host: Annotated[str, AfterValidator(_listening_address)] = "127.0.0.1"
    """The address that the sidecar listens on; the default is reached from this machine alone."""

    port: int = Field(default=6960, ge=1, le=65535)

    token: _Secret = SecretStr("")
    """The secret that callers send if Stash has no API key to derive one from."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode, _split, AfterValidator(_host_names)] = ()
    """Further names under which the sidecar is called, separated by commas."""

    allow_private_urls: bool = False
    """Whether `image_url` may lead into the home network and to this machine."""

    max_bytes: int = Field(default=50_000_000, ge=100_000, le=2_000_000_000)
    """Of one picture, uploaded or fetched."""

    max_pixels: int = Field(default=150_000_000, ge=1_000_000, le=1_000_000_000)
    """Of one picture."""

    upload_seconds: _Seconds = 30.0
    """How long one upload may take."""

    fetch_seconds: _Seconds = 20.0
    """How long fetching one `image_url` may take, redirects included."""

    stop_seconds: float = Field(default=10.0, ge=0, le=3600, allow_inf_nan=False)
    """How long running requests may take to finish when the sidecar is stopped."""

    workers: int = Field(default=0, ge=0, le=MOST_WORKERS)
    """Pictures analysed in parallel; 0: one for each core this process may use."""

    queue: int = Field(default=16, ge=1, le=1000)
    """Requests that may wait for a worker; further ones are refused for the moment."""

    follow_library: bool = True
    """Whether the face database follows Stash: an update after performers have changed there."""

    update_every: float = Field(default=0.0, ge=0, le=8760, allow_inf_nan=False)
    """Hours from one update of the face database to the next; 0: on demand only."""

    learn_decisions: bool = False
    """Whether the face database learns the faces that a person confirmed."""
    library_every: float = Field(default=0.0, ge=0, le=8760, allow_inf_nan=False)
    """Hours from the end of one job over the whole library to the next; 0: on demand only."""

    follow_new: bool = False
    """Whether new images, galleries and scenes of Stash are identified by themselves."""

    quiet_hours: Annotated[tuple[time, time] | None, NoDecode, _split_hours] = None
    """Local times, such as 08:00-23:00, between which jobs over the whole library rest."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - no file of the working directory
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """See BaseSettings. An empty STASH_URL has a meaning; address and key come from one source.

        Raises BadSetting where they do not.
        """
        no_stash = {"STASH_URL": ""} if os.environ.get("STASH_URL") == "" else {}
        file = TomlConfigSettingsSource(settings_cls)
        # Without those like STASH_SENSE_STASH_URL: a field with a name of its own has no other.
        renamed = {name for name, field in settings_cls.model_fields.items() if field.validation_alias}
        environment = {name: value for name, value in env_settings().items() if name not in renamed}
        _check_one_source(environment, file.init_kwargs)
        if no_stash or environment.keys() & {"STASH_URL", "STASH_API_KEY"}:
            for name in ("STASH_URL", "STASH_API_KEY"):
                file.init_kwargs.pop(name, None)
        return init_settings, InitSettingsSource(settings_cls, {**environment, **no_stash}), file

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the sidecar."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    def with_values(self, **changes: Any) -> "Settings":
        """These settings with other values, by field name; None changes nothing. Raises BadSetting."""
        given = {name: value for name, value in changes.items() if value is not None}
        return _checked(Settings, {**self.model_dump(), **given})


def read_settings(config: Path | None = None, data_dir: Path | None = None) -> Settings:
    """The settings of the environment, then of `config`, or else of `stash-sense.toml` in the data folder.

    data_dir: takes precedence over both. Raises BadSetting.
    """
    if config and not config.is_file():
        raise BadSetting(f"{config}: there is no such file. Name a TOML file of settings.")
    given = {} if data_dir is None else {"data_dir": data_dir}
    file = config or _checked(Settings, given).data_dir / FILE

    class FromFile(Settings):
        model_config = SettingsConfigDict(toml_file=file)

    try:
        return _checked(FromFile, given, f" or in {file}")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{file}: cannot be read as TOML ({error}). Correct it.") from None


def env_name(field: str) -> str:
    """The environment variable of a setting."""
    return str(Settings.model_fields[field].validation_alias or PREFIX + field.upper())


# Their values appear in no message: STASH_URL may carry a proxy's password.
_NEVER_SHOWN = frozenset({"STASH_API_KEY", "STASH_SENSE_TOKEN", "STASH_URL"})


def _checked(kind: type[Settings], given: dict[str, Any], where: str = "") -> Settings:
    try:
        return kind(**given)
    except ValidationError as failure:
        error = failure.errors(include_url=False, include_context=False)[0]
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        raise BadSetting(f"{name}: there is no such setting. Remove it; docs/running.md lists all.")
    name = env_name(name) if name in Settings.model_fields else name
    value = "" if name in _NEVER_SHOWN else f" is {str(error['input'])[:60]!r}"
    message = error["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    raise BadSetting(f"{name}{value}: {message}. Correct it in the environment{where}.")
