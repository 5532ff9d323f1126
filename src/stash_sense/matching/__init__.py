"""Who a face is, and why: pure functions from embeddings to candidates, tracks and verdicts."""
