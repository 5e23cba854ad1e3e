"""Examples, to copy from. Each runs as it is: no key, no network."""
