"""GraphQL over HTTP: documents, and single requests that are bounded in time and bytes."""
