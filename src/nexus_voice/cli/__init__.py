"""The command `nexus-voice`: `main.py` declares its commands, each of which has a file of its own."""
