"""What is kept: the journal (append-only truth), the DuckDB index built from it, and the reports read from that."""
