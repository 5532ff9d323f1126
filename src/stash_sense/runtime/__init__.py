"""Builds everything from Settings, supervises it, and closes it."""
