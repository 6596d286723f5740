"""A platform that other people wrote: their LiteLLM, their cloud, their clients, and what they do to all of it."""
