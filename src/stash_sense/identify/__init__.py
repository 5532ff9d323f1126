"""Who it is and why: faces and neighbours in, ranked people and a verdict out. Pure, no I/O."""
