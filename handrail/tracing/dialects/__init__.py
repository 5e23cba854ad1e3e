"""Spans of other instrumentations, understood: what made them, which steps they are, and which are the same one."""
