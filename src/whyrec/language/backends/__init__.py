"""Who writes the words: nano, OpenAI-compatible servers, Hugging Face models, or nobody."""
