"""`python -m nexus_voice`: the same as the command `nexus-voice`."""

from .cli.main import main

main()
