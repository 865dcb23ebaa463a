"""Splits that are dealt by stratum, so that each has its shares of every one, and are kept from then on."""
