"""The backends that come with qspin, one folder each."""
