"""Import of old conversations: a file is checked as a whole, written as a whole, undone as a whole."""
