"""The interface as data (`sshi.toml`), its model, its loader, and everything rendered from it.

No I/O beyond reading its own package data.
"""
