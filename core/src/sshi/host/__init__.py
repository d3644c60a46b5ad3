"""Hosts: the engine, the reference host, and the one protocol that every host speaks."""
