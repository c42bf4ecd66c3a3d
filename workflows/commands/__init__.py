"""The subcommands of ``rsqa``."""
