"""Notebooks as pages for a browser: HTML, slides, the book. None of them asks the network."""
