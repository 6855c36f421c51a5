"""Step 3: what the market brings."""
