"""Pydantic models of what requests send (`…In`, `…Query`) and what answers contain (`…Out`), by subject."""
