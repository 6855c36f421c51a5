"""Step 4: who gets what, by whom, when, at what cost."""
