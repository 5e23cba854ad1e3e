"""One module per page or part of a page. Queries are in data.py, pictures in figures.py."""
