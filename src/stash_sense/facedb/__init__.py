"""The face database on disk: enrolled people and their reference embeddings."""
