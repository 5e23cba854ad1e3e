"""What was done already: effects that never repeat."""
