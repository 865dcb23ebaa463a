"""Jobs: how one runs, what it says when it is done, and how it is run as a process."""
