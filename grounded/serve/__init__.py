"""The reading room's server: films in, drafts asked and worked on in a browser, reports out."""
