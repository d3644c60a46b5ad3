"""WebAssembly modules as values: decode, encode, inspect, transform.  Bytes in, values out; no I/O and no engine."""
