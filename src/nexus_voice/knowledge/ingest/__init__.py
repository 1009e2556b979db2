"""Documents on their way in: fetched, queued, read, stored, however often the server is killed."""
