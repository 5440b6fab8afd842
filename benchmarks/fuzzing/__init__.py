"""Files that somebody else may have written, spoilt in every way, for every command that reads one."""
