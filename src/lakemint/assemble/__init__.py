"""Puts samples and labels together: gold, examples ready to train on, each in its split."""
