"""Erasing what a data subject gave: orders and receipts, and the tables."""
