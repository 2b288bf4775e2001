"""The gRPC door: convert, ask the lens, convert."""
