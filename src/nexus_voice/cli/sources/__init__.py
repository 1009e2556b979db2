"""Files, folders and buckets that documents come from, and keeping the knowledge base in step with them."""
