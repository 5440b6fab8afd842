"""Certificates: a run's record, signed by its vendor, with everything that it takes to check it without the vendor."""
