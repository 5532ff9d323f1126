"""One module a subject: its SQL and its frozen dataclasses; the connection is an argument."""
