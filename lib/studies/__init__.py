"""The named steps of one chapter each, and the command-line tools."""
