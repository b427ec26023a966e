"""The exercises, one module a notebook; their words are in data/exercises."""
