"""Recording the devices while a command runs: the command, the stream of samples, bounded timelines."""
