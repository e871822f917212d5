"""The command line: one small file per command, files and flags only."""
