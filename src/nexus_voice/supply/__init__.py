"""Chooses engines from the settings, keys, servers and models, and keeps them in chains."""
