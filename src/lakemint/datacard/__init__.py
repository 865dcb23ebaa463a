"""The data card of a version, for people: Markdown and HTML, drawn from its record and never by hand."""
