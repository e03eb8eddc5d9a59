"""Named questions: one file a study, and what they share (`wording`, `series`, `matching`)."""
