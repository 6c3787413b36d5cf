class ProgramError(Exception):
    """The script asks for what the promise cannot hold with; the message says what, why, and what would do instead."""
