"""A report for people and for other programs: terminal, JUnit, Markdown, HTML."""
