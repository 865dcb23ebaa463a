"""Judges a table by the rules of its contract, with Great Expectations."""
