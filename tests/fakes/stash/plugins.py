"""Plugins as Stash has them: a strict manifest, scripts joined into one, a process for each operation."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

_RUNNING_S = 330
_SECTION = "\n"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Csp(_Strict):
    script_src: list[str] = Field(default=[], alias="script-src")
    style_src: list[str] = Field(default=[], alias="style-src")
    connect_src: list[str] = Field(default=[], alias="connect-src")


class _Ui(_Strict):
    requires: list[str] = []
    csp: _Csp = _Csp()
    javascript: list[str] = []
    css: list[str] = []
    assets: dict[str, str] = {}


class _Operation(_Strict):
    name: str
    description: str = ""
    execArgs: list[str] = []  # noqa: N815 - Stash's name
    defaultArgs: dict[str, str] = {}  # noqa: N815


class _Hook(_Operation):
    triggeredBy: list[str] = []  # noqa: N815


class _Setting(_Strict):
    type: Literal["STRING", "NUMBER", "BOOLEAN"]
    displayName: str = ""  # noqa: N815
    description: str = ""


class Manifest(_Strict):
    """The keys that Stash knows; any other stops a plugin from loading."""

    name: str
    description: str = ""
    url: str = ""
    version: str = ""
    interface: Literal["raw", "rpc", "js"] = "raw"
    exec: list[str] = []
    errLog: str = ""  # noqa: N815
    tasks: list[_Operation] = []
    hooks: list[_Hook] = []
    ui: _Ui = _Ui()
    settings: dict[str, _Setting] = {}


@dataclass(frozen=True)
class Plugin:
    """A plugin in its folder. Its id is its manifest's name without `.yml`."""

    id: str
    folder: Path
    manifest: Manifest

    @classmethod
    def load(cls, folder: Path) -> "Plugin":
        """Raises pydantic's ValidationError; ValueError where Stash would see no plugin, or several."""
        found = sorted(folder.rglob("*.yml"))
        if len(found) != 1:
            raise ValueError(f"{folder}: {len(found)} manifests, and each is a plugin to Stash")
        return cls(
            found[0].stem, found[0].parent, Manifest.model_validate(yaml.safe_load(found[0].read_text()))
        )

    def joined(self, kind: Literal["javascript", "css"]) -> str:
        """What Stash serves: all listed files, one after another."""
        return _SECTION.join((self.folder / name).read_text() for name in getattr(self.manifest.ui, kind))


@dataclass
class Plugins:
    """The installed ones, and what each was run with."""

    installed: dict[str, Plugin] = field(default_factory=dict)
    logs: list[str] = field(default_factory=list)

    def settings(self) -> dict[str, list[dict[str, str]]]:
        """The settings of each plugin, sorted by key as Stash does it."""
        return {
            plugin.id: [
                {"name": key, "display_name": setting.displayName}
                for key, setting in sorted(plugin.manifest.settings.items())
            ]
            for plugin in self.installed.values()
        }

    def run(self, plugin_id: str, arguments: dict[str, Any], connection: dict[str, Any]) -> Any:
        """One process, to its end. Raises ValueError with the text that Stash would answer with."""
        plugin = self.installed.get(plugin_id)
        if plugin is None:
            raise ValueError(f"no plugin with ID {plugin_id}")
        command = [part.replace("{pluginDir}", str(plugin.folder)) for part in plugin.manifest.exec]
        command[0] = sys.executable if command[0] == "python" else command[0]
        asked = {"server_connection": {**connection, "PluginDir": str(plugin.folder)}, "args": arguments}
        done = subprocess.run(
            command, input=json.dumps(asked).encode(), capture_output=True, timeout=_RUNNING_S, check=False
        )
        self.logs += done.stderr.decode("utf-8", "replace").splitlines()
        return _output(done.stdout.decode(), done.returncode)


def _output(text: str, status: int) -> Any:
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {"output": text}
    error = answer.get("error") or (f"exit status {status}" if status else "")
    if error:
        raise ValueError(error)
    return answer.get("output")


def install_from(index: Path, plugin_id: str, folder: Path) -> Plugin:
    """What Stash does with a plugin source: finds the entry, checks the zip's sum, unpacks it."""
    (entry,) = [each for each in _entries(index) if each["id"] == plugin_id]
    packed = index.parent / entry["path"]
    if sha256(packed.read_bytes()).hexdigest() != entry["sha256"]:
        raise ValueError("checksum mismatch")
    target = folder / plugin_id
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(target)
    return Plugin.load(target)


def _entries(index: Path) -> Iterable[dict[str, Any]]:
    entries: list[dict[str, Any]] = yaml.safe_load(index.read_text())
    return entries
