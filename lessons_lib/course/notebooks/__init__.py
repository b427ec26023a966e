"""Notebooks as files: run, held to the rules, solved, copied for their reader, marked."""
