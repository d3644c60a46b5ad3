"""SSHI: one smart contract in WebAssembly, linked for every chain, proved to behave the same on all of them.

Importing this package registers nothing and imports no adapter.
"""

__version__ = "0.1.0"
