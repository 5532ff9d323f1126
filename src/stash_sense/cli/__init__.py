"""The subcommands of `stash-sense`: arguments in, text out."""
