"""Analytics: what the recorded conversations say, as plain numbers. Knows no HTML."""
