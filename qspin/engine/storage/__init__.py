"""What tasks gave, and who works on them: files of one folder."""
