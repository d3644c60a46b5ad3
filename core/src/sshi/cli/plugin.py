"""Core's own subcommands, through the public door."""

from __future__ import annotations

from sshi.hookspecs import CommandRef, hookimpl

SSHI_API = 1


@hookimpl
def sshi_commands() -> list[CommandRef]:
    """The subcommands of core."""
    return [
        CommandRef("spec", "sshi.cli.spec:spec", "Print the interface: Markdown, JSON, WIT or a C header."),
        CommandRef("check", "sshi.cli.check:check", "Say whether a contract loads on each target, and why not."),
        CommandRef("build", "sshi.cli.build:build", "Link a contract for chains."),
        CommandRef("meter", "sshi.cli.meter:meter", "Make a contract charge gas for what it runs."),
        CommandRef("inspect", "sshi.cli.inspect:inspect", "Show what is in a module."),
        CommandRef("run", "sshi.cli.run:run", "Call a contract's entry on the reference host or a chain's VM."),
        CommandRef("adapters", "sshi.cli.adapters:adapters", "List the installed adapters and which VMs are ready."),
        CommandRef("vm", "sshi.cli.vm:vm", "Build the chains' own virtual machines, the judges."),
        CommandRef("doctor", "sshi.cli.doctor:doctor", "Check this installation and say what to mend."),
    ]
