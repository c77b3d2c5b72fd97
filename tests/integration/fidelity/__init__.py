"""What the fidelity tests share: raw clients for both versions of HTTP, and a sidecar beside direct access."""
