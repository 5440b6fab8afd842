"""The forms of results: the terminal, the HTML report, and every file that is made from a record."""
