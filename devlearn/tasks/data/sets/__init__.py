"""The data sets that devlearn knows by name, one or one family a file."""
