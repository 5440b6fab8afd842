"""`docs`: writes the generated pages and tables."""
