"""Lineage across the road: from what came in to versions, and to the training runs that read them."""
