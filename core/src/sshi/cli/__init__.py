"""The command line: one module per subcommand, each registered through the hook that strangers use."""
