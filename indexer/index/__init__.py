"""An index is a folder: whole or absent, read without torch and without the subject."""
