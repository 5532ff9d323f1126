"""Environment and file -> one frozen Settings, read once."""

from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a person can set. Every default is safe.

    Read from the environment, else from the file `stash-sense.env` in the folder the command runs in.
    """

    model_config = SettingsConfigDict(frozen=True, env_file="stash-sense.env", extra="ignore")

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("stash-sense", appauthor=False), validation_alias="DATA_DIR"
    )
    """Where models, face databases and state are kept."""

    pack: str = Field(default="stash-sense-default", validation_alias="STASH_SENSE_PACK")
    """The model pack in use."""

    def with_data_dir(self, data_dir: Path | None) -> "Settings":
        """These settings with another data folder, where one is given."""
        return self if data_dir is None else self.model_copy(update={"data_dir": data_dir})

    def with_pack(self, pack: str | None) -> "Settings":
        """These settings with another model pack, where one is given."""
        return self if pack is None else self.model_copy(update={"pack": pack})
