"""Hands a version over to where GPUs are: a small record says what to train on what, a launcher starts it.

The training program reads the record by `lakemint.handed_over()`, in images without the platform.
"""
