"""`python -m stash_sense` is `stash-sense`."""

from stash_sense.cli import main

main()
