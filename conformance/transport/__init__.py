"""How the bytes of a request go out and an answer comes in, within one deadline and within limits."""
