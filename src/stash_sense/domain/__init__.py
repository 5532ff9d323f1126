"""Values that every room speaks of, and pure rules over them."""
