"""Worker processes for what blocks, holds the interpreter's lock, may crash, is hostile or under the GPL."""
