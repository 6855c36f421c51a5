"""Step 5: did it work, and how sure are we."""
