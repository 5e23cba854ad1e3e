"""Seams: where steps are intercepted. A file here knows its framework and the gate; nothing else knows a framework."""
