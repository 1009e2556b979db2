"""`python -m nexus_voice`: the same as the command `nexus-voice`."""

from .cli import main

main()
