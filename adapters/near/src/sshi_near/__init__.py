"""SSHI on NEAR: one chain plugged into `sshi`."""
