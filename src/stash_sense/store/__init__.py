"""The state of Stash Sense in SQLite files: what was recognized, decided and tagged, and the job list."""
