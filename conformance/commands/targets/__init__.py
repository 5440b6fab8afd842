"""`targets`: lists, installs, starts and checks known implementations."""
