"""Models rebuilt from what they say about themselves, to check it against their predictions."""
