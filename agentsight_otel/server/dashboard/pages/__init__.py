"""The pages: each module turns one question into numbers and hands them to a template."""
