"""The API /api/v1/: the same services and the same predicate as the pages, in JSON."""
