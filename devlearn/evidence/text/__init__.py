"""All sentences about results."""
