"""DEMO: a small real agent, and the circle from its words to the transcript read back."""
