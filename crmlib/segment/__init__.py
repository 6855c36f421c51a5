"""Step 2: who the customers are."""
