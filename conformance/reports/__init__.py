"""How results are told: words, the terminal, the HTML report and the results file."""
