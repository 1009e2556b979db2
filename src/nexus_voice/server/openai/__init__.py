"""`/v1/...`: the same models behind OpenAI's addresses and formats, so that its clients work unchanged."""
