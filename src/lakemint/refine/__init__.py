"""Refine: bronze becomes silver; what leaves goes to rejected, with its reason and its survivor."""
