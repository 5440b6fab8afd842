"""The measurements that the docs quote, each one command."""
