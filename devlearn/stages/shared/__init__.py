"""What several stages have: batches, views, evolution strategies, rewritten weights."""
