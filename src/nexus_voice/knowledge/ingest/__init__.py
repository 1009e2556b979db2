"""Documents on their way in: queued, fetched, read and stored once, however often the server is killed."""
