"""Between a PACS and its results: films come in, are read once, and objects go back."""
