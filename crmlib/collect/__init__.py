"""Step 1: what arrived, and how good it is."""
