"""Names the people in a Stash library, on the owner's own machine."""
