"""NEAR's virtual machine in Python: the host functions the shim uses, and gas to the last unit."""
