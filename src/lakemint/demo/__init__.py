"""The demo's two datasets: where their raw data come from, and how they are landed."""
