"""Which engines there are to use, and their lives: settings, keys, servers and models -> chains."""
