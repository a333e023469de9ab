"""Who runs it: settings, plugin, telemetry, worker processes, the embedded stack and the command line."""
