"""What happened: steps, who acted, and OpenTelemetry spans out. Nothing here decides or writes the journal."""
