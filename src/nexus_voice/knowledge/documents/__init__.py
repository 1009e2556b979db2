"""Documents, their chunks and files, and who may see them, as statements on the tables."""
