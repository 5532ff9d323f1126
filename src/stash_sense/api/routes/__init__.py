"""One module for each group of calls: a `router`, and `features`, what of it works now."""
