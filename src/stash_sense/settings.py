"""Environment and file -> one frozen Settings, read once."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from stash_sense.errors import BadSetting

FILE = "stash-sense.env"


_EMPTY_SAYS_NONE = frozenset({"STASH_URL"})


class Settings(BaseSettings):
    """What a person can set. Every default is safe.

    Read from the environment, else from the file `stash-sense.env` in the folder the command runs in; an
    empty value counts as not set, but for STASH_URL. Use `read`, which turns wrong values into one sentence.
    """

    model_config = SettingsConfigDict(frozen=True, env_file=FILE, extra="ignore")

    stash_url: str = Field(default="http://localhost:9999", validation_alias="STASH_URL")
    """Where Stash answers, as in the browser; set to empty: there is no Stash."""

    stash_api_key: SecretStr = Field(default=SecretStr(""), validation_alias="STASH_API_KEY")
    """Stash's API key, where it asks for a login. It goes to STASH_URL and nowhere else."""

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("stash-sense", appauthor=False), validation_alias="DATA_DIR"
    )
    """Where models, face databases and state are kept."""

    pack: str = Field(default="stash-sense-default", validation_alias="STASH_SENSE_PACK")
    """The model pack in use."""

    host: str = Field(default="127.0.0.1", validation_alias="STASH_SENSE_HOST")
    """The address the sidecar listens on: this machine alone, unless another is given."""

    port: int = Field(default=6960, ge=1, le=65535, validation_alias="STASH_SENSE_PORT")

    token: SecretStr = Field(default=SecretStr(""), validation_alias="STASH_SENSE_TOKEN")
    """The secret that callers send, where Stash has no API key to derive one from."""

    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias="STASH_SENSE_ALLOWED_HOSTS"
    )
    """Further names under which the sidecar is called, separated by commas."""

    allow_private_urls: bool = Field(default=False, validation_alias="STASH_SENSE_ALLOW_PRIVATE_URLS")
    """Whether `image_url` may lead into the home network and to this machine."""

    max_bytes: int = Field(
        default=50_000_000, ge=100_000, le=2_000_000_000, validation_alias="STASH_SENSE_MAX_BYTES"
    )
    """Of one picture, uploaded or fetched."""

    max_pixels: int = Field(
        default=150_000_000, ge=1_000_000, le=1_000_000_000, validation_alias="STASH_SENSE_MAX_PIXELS"
    )
    """Of one picture."""

    upload_seconds: float = Field(
        default=30.0, gt=0, le=3600, validation_alias="STASH_SENSE_UPLOAD_SECONDS", allow_inf_nan=False
    )
    """How long one upload may take."""

    fetch_seconds: float = Field(
        default=20.0, gt=0, le=3600, validation_alias="STASH_SENSE_FETCH_SECONDS", allow_inf_nan=False
    )
    """How long fetching one `image_url` may take, redirects included."""

    stop_seconds: float = Field(
        default=10.0, ge=0, le=3600, validation_alias="STASH_SENSE_STOP_SECONDS", allow_inf_nan=False
    )
    """How long running requests may take to end when the sidecar is stopped."""

    workers: int = Field(default=0, ge=0, le=256, validation_alias="STASH_SENSE_WORKERS")
    """Pictures looked at side by side; 0: as many as this process has cores."""

    queue: int = Field(default=16, ge=1, le=1000, validation_alias="STASH_SENSE_QUEUE")
    """Requests that may wait for a worker; further ones are told to come back."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="STASH_SENSE_LOG_LEVEL"
    )

    @field_validator("stash_url")
    @classmethod
    def _is_a_web_address(cls, value: str) -> str:
        if not value.strip():
            return ""
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("not an address as in the browser, such as http://localhost:9999")
        return value.strip()

    @field_validator("host")
    @classmethod
    def _is_an_own_address(cls, value: str) -> str:
        if value != "localhost":
            try:
                ipaddress.ip_address(value)
            except ValueError:
                raise ValueError(
                    "not an address to listen on, such as 127.0.0.1 (this machine alone) or 0.0.0.0 (all)"
                ) from None
        return value

    @field_validator("token", "stash_api_key")
    @classmethod
    def _fits_a_header(cls, value: SecretStr) -> SecretStr:
        text = value.get_secret_value().strip()
        if not all("!" <= sign <= "~" for sign in text):
            raise ValueError("holds signs other than ASCII letters, digits and punctuation")
        return SecretStr(text)

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _from_commas(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(name.strip().lower().rstrip(".") for name in value.split(",") if name.strip())
        wrong = [name for name in names if "/" in name or ":" in name or "*" in name]
        if wrong:
            raise ValueError(f"{wrong[0]} is not a host's name; give names alone, separated by commas")
        return names

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """See BaseSettings."""
        others = (env_settings, dotenv_settings, file_secret_settings)
        return (init_settings, *(_Filled(settings_cls, other) for other in others))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the sidecar."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @classmethod
    def read(cls, **given: Any) -> Self:
        """The settings of the environment and the file; `given`, by their names there, go before.

        Raises BadSetting.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            raise BadSetting(_sentence(error)) from None  # the cause would show secrets
        except (OSError, UnicodeDecodeError) as error:
            raise BadSetting(f"{FILE}: cannot be read ({error}). Make it readable UTF-8 text.") from None

    def listening_on(self, host: str | None, port: int | None) -> Self:
        """These settings with another address or port, where one is given. Raises BadSetting."""
        given = {"STASH_SENSE_HOST": host, "STASH_SENSE_PORT": port}
        changed = type(self).read(**{name: value for name, value in given.items() if value is not None})
        return self.model_copy(update={"host": changed.host, "port": changed.port})

    def with_data_dir(self, data_dir: Path | None) -> Self:
        """These settings with another data folder, where one is given."""
        return self if data_dir is None else self.model_copy(update={"data_dir": data_dir})

    def with_pack(self, pack: str | None) -> Self:
        """These settings with another model pack, where one is given."""
        return self if pack is None else self.model_copy(update={"pack": pack})


class _Filled(PydanticBaseSettingsSource):
    """What a source says, without the values that are empty: so the next source is asked for them."""

    def __init__(self, settings_cls: type[BaseSettings], inner: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._inner = inner

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """See PydanticBaseSettingsSource."""
        return self._inner.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        """See PydanticBaseSettingsSource."""
        return {name: value for name, value in self._inner().items() if value or name in _EMPTY_SAYS_NONE}


# Their values stay out of every message: STASH_URL may carry a proxy's password.
_NEVER_SHOWN = frozenset({"STASH_API_KEY", "STASH_SENSE_TOKEN", "STASH_URL"})


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "a setting"
    what = first["msg"].removeprefix("Value error, ")
    what = what[:1].lower() + what[1:]
    given = "" if name in _NEVER_SHOWN else f" is {str(first['input'])[:60]!r}"
    return f"{name}{given}: {what}. Correct it in the environment or in {FILE}."
