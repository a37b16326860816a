"""All sentences that results are told in."""
