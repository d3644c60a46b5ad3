"""The contract, an adapter's shim and its glue become the module that the chain accepts."""
