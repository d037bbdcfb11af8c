"""The pages and commands of the command line."""
