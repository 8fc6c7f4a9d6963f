"""The catalog: its data, identification, and the names people use."""
