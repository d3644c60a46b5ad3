"""pallet-contracts in Python: what our artifacts can reach of it, as the pallet does it, over this project's own engine.

Not here: other host functions (a module that imports one is refused by name), what a call costs (that hangs on the translator of the
pallet's engine, so `ref_time` and `proof_size` are left to the real pallet), fees and nonces (the pallet's bare functions have neither).
"""
