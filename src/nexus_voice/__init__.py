"""Nexus Voice: a voice assistant you run yourself."""

__version__ = "0.1.0"
