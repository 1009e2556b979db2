"""What the commands of `cli.py` do: one file each, and what they share."""
