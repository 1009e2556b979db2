"""Questions about `data/`: typed, and as a recogniser would hear them (small letters, no marks)."""

from __future__ import annotations

ANSWERABLE: list[tuple[str, str, str]] = [
    # question, document, a phrase of the right answer
    ("How do I connect the station to my network?", "getting-started.md", "blue button for five seconds"),
    ("what is in the box", "getting-started.md", "wall bracket"),
    ("Where should I mount the station?", "getting-started.md", "two metres above the ground"),
    ("does it work with five gigahertz networks", "getting-started.md", "2.4 GHz"),
    ("How can I install a firmware update right now?", "getting-started.md", "birdhouse update --now"),
    ("when are updates installed", "getting-started.md", "at night"),
    ("Which port is the web page served on?", "configuration.md", "8123"),
    ("how do i change the units to imperial", "configuration.md", "BIRDHOUSE_UNITS"),
    ("How long are measurements kept?", "configuration.md", "400"),
    ("how do i get alerts on my phone", "configuration.md", "scan the code"),
    ("I forgot my password, what now?", "configuration.md", "twenty seconds"),
    ("how do i make a backup", "configuration.md", "birdhouse backup"),
    ("What does a blinking red light mean?", "troubleshooting.md", "battery is low"),
    ("why is the temperature too high", "troubleshooting.md", "warm wall"),
    ("The wind speed is always zero. What can I do?", "troubleshooting.md", "Turn the cups"),
    ("how do i delete all data before i sell it", "troubleshooting.md", "Factory reset"),
    ("Does Birdhouse support MQTT?", "integrations.md", "speaks MQTT"),
    ("how many requests per minute may a token make", "integrations.md", "sixty times a minute"),
    ("Can I export the measurements to Excel?", "integrations.md", "CSV"),
    ("how long is the warranty", "warranty.html", "three years"),
    ("Is lightning damage covered?", "warranty.html", "lightning"),
    ("where are the stations made", "warranty.html", "Porto"),
    ("How do I return it and get a refund?", "warranty.html", "30 days"),
]

UNANSWERABLE: list[str] = [
    "What is the capital of France?",
    "who won the football world cup in nineteen ninety",
    "How do I pair Bluetooth headphones?",
    "can you recommend a good pasta recipe",
    "How much does a subscription cost per month?",
    "what is the speed of light in a vacuum",
    "How do I cancel my hotel booking?",
    "who is the chief executive of the company",
]
