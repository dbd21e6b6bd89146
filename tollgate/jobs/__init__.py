"""What runs without a person: the command line's commands, the supervisor, the embedded database.

Each command lives in a file of its own with a function `register(commands)`, listed in command_line.py.
"""
