"""A dataset as its folder of schemas/ says it: contract, recipe and label form."""
