"""The tables, on SQLite and PostgreSQL, and what is asked of them."""
