"""Long and heavy work: queue, workers, progress. Knows no job by name."""
