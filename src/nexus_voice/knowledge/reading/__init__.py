"""Reads files of many types as documents, and cuts these into chunks, in processes of their own."""
