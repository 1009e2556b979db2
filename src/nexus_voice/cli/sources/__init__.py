"""Where documents come from: files, folders and buckets; and how the knowledge base is kept in step."""
