"""Many films in, a folder of reports out."""
