"""What a check found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "note", "fault"]
"""note: work goes on without it, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; said: for a person, and what to do where the state is not ok."""

    what: str
    state: State
    said: str
