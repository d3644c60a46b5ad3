"""The conformance suite: one scenario, every host, one verdict per clause.

The suite names no chain and imports no adapter: it sees hosts as `ChainVM`s and chains as `Adapter` data.
"""
