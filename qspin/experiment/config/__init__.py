"""The config of a run: read, validated, spelled out."""
