"""Near-duplicates: which samples are alike, and share a split."""
