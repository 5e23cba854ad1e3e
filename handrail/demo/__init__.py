"""The demonstration: a bank's assistant, governed, on a scripted model. No key, no network."""
